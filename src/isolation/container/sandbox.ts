import { constants } from "node:os";
import {
  type DumpFacts,
  type DumpOptions,
  type Sandbox,
  SandboxError,
  type SandboxExit,
  type SandboxMarks,
} from "../driver.ts";
import type { Dialled } from "../reception.ts";
import type { Groups } from "./groups.ts";

/** Where the platform's endpoint appears in a sandbox (agent/src/launcher/skeleton.rs). */
export const endpointInside = "/run/thaw/endpoint.sock";

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

/** How the launcher reports an end. */
export interface Ending {
  readonly code?: number;
  readonly signal?: number;
  readonly outOfMemory: boolean;
}

/** What a sandbox asks of the launcher. */
export interface Orders {
  kill(): void;
  dump(into: string, options: DumpOptions): void;
  /** absent: there is nothing to learn of this sandbox */
  readonly learn?: (() => void) | undefined;
}

/** A container seen from the platform. Freezing and counting go straight to its control groups. */
export class ContainerSandbox implements Sandbox {
  readonly id: string;
  readonly marks: SandboxMarks;
  readonly link: Dialled["link"];
  readonly runtimeLink: Dialled["runtimeLink"];
  readonly freezer: boolean;
  readonly endpointSocket: string | undefined;
  readonly tmp = "/tmp";
  readonly exited: Promise<SandboxExit>;
  readonly #groups: Groups;
  readonly #cpus: number;
  readonly #orders: Orders;
  readonly #settle: (exit: SandboxExit) => void;
  #outOfMemorySeen = 0;
  #endedOutOfMemory = false;
  #ended = false;
  #peak = 0;
  #dump: PromiseWithResolvers<DumpFacts> | undefined;

  constructor(
    made: { id: string; asked: number; dialled: Dialled; groups: Groups; endpoint: boolean; cpus: number },
    orders: Orders,
  ) {
    const { promise, resolve } = Promise.withResolvers<SandboxExit>();
    this.id = made.id;
    this.marks = { asked: made.asked, main: made.dialled.main, hello: made.dialled.hello };
    this.link = made.dialled.link;
    this.runtimeLink = made.dialled.runtimeLink;
    this.endpointSocket = made.endpoint ? endpointInside : undefined;
    this.#groups = made.groups;
    this.#cpus = made.cpus;
    this.freezer = made.groups.freezer;
    this.#orders = orders;
    this.exited = promise;
    this.#settle = resolve;
  }

  path(inside: string): string {
    return inside;
  }

  limitCpu(): void {
    this.#groups.limitCpu(this.#cpus);
    // A copy has given its first answer, or is slow.
    if (!this.#ended) this.#orders.learn?.();
  }

  async dump(into: string, options: DumpOptions): Promise<DumpFacts> {
    if (this.#ended) throw endedWhileDumped();
    if (this.#dump) throw new SandboxError("dump", "another image of this sandbox is being made");
    this.#dump = Promise.withResolvers();
    this.#orders.dump(into, options);
    return this.#dump.promise;
  }

  /** The launcher has made the image, or says why it did not. */
  dumped(result: DumpFacts | Error): void {
    const dump = this.#dump;
    this.#dump = undefined;
    if (result instanceof Error) dump?.reject(result);
    else dump?.resolve(result);
  }

  freeze(): void {
    this.#groups.freeze();
  }

  thaw(): void {
    this.#groups.thaw();
  }

  async hibernate(): Promise<number> {
    return this.#ended ? 0 : this.#groups.reclaim();
  }

  memoryPeakBytes(): number {
    if (!this.#ended) this.#peak = this.#groups.peak();
    return this.#peak;
  }

  memoryBytes(): number {
    return this.#ended ? 0 : this.#groups.memory();
  }

  takeOutOfMemory(): boolean {
    if (this.#ended) {
      const seen = this.#endedOutOfMemory;
      this.#endedOutOfMemory = false;
      return seen;
    }
    const kills = this.#groups.outOfMemoryKills();
    const more = kills > this.#outOfMemorySeen;
    this.#outOfMemorySeen = kills;
    return more;
  }

  kill(): Promise<SandboxExit> {
    if (!this.#ended) this.#orders.kill();
    return this.exited;
  }

  /** The launcher has removed the last trace of it, or is gone itself and has taken it along. */
  ended(ending: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    // kills that takeOutOfMemory() has reported already are not reported again
    this.#endedOutOfMemory = ending.outOfMemory && this.#outOfMemorySeen === 0;
    this.dumped(endedWhileDumped());
    this.#groups.close();
    this.link.destroy();
    this.runtimeLink?.destroy();
    this.#settle({
      code: ending.code,
      signal: ending.signal === undefined ? undefined : (signalNames.get(ending.signal) ?? `SIG${ending.signal}`),
      outOfMemory: ending.outOfMemory,
    });
  }
}

function endedWhileDumped(): SandboxError {
  return new SandboxError("dump", "the sandbox ended before its image was made");
}
