import type { Driver } from "../isolation/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import type { InitializationType, InvocationLog } from "../observe/index.ts";
import type { Environment } from "./environment.ts";

/** What an environment needs from its surroundings. */
export interface EnvironmentNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  openLog(target: FunctionVersion, logStream: string, initialization: InitializationType): InvocationLog;
  /** it is idle now and may serve whoever waits */
  onIdle(environment: Environment): void;
  /** it has begun to end, or ended by itself: never offer it again */
  onEnding(environment: Environment): void;
  /** A copy has answered its first event; or it was ended by a signal then or before: it may have been a bad copy. */
  onProven(environment: Environment, signal: string | undefined): void;
  /** Its extensions went on for so long (milliseconds) after its runtime was done with an event. */
  onExtensions(environment: Environment, afterMs: number): void;
  /** Somebody in it has sent this to X-Ray's daemon. */
  onDatagram(environment: Environment, bytes: Buffer): void;
  /** idle for this long, it gets no more CPU (milliseconds) */
  readonly freezeAfterMs: number;
}
