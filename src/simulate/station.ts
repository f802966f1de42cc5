import { type Admitted, Line } from "../capacity/index.ts";
import type { Due } from "./agenda.ts";
import type { SimulatedFunction } from "./world.ts";

/** A call that is under way, and when it first came. */
export interface Pending {
  readonly station: Station;
  readonly runMs: number;
  readonly atMs: number;
}

/** What happens to an environment when the moment comes that it waits for. */
export interface Life {
  started(environment: SimulatedEnvironment, nowMs: number): void;
  answered(environment: SimulatedEnvironment, nowMs: number): void;
}

/** An environment without a process: it starts, runs or is idle. */
export class SimulatedEnvironment implements Due {
  readonly id: string;
  readonly station: Station;
  readonly provisioned: boolean;
  readonly key: string;
  readonly memoryBytes: number;
  /** as of the latest look at idle ones */
  idleMs = 0;
  idleSinceMs = -1;
  /** how long its present event runs; −1: it is being started */
  runMs = -1;
  /** it is started because somebody waits */
  readonly wanted: boolean;
  readonly #life: Life;

  constructor(id: string, station: Station, life: Life, options: { provisioned: boolean; wanted: boolean }) {
    this.id = id;
    this.station = station;
    this.key = station.target.arn;
    this.memoryBytes = station.about.idleBytes;
    this.provisioned = options.provisioned;
    this.wanted = options.wanted;
    this.#life = life;
  }

  happen(nowMs: number): void {
    if (this.runMs < 0) this.#life.started(this, nowMs);
    else this.#life.answered(this, nowMs);
  }
}

/** A function of the world and its line. */
export class Station {
  readonly about: SimulatedFunction;
  readonly target: Admitted;
  readonly measured: { readonly startMs: number; readonly memoryBytes: number };
  readonly line: Line<SimulatedEnvironment, Pending>;
  /** environments, those that are being started included */
  environments = 0;
  /** when its line is asked again, milliseconds; Infinity: not foreseen */
  wakeMs = Number.POSITIVE_INFINITY;

  constructor(about: SimulatedFunction, cpus: number) {
    this.about = about;
    this.target = {
      account: "123456789012",
      region: "us-east-1",
      name: about.name,
      arn: `arn:aws:lambda:us-east-1:123456789012:function:${about.name}`,
      reservedConcurrency: about.reserved,
      provisionedConcurrency: about.provisioned ?? 0,
    };
    this.measured = { startMs: about.startMs, memoryBytes: about.idleBytes };
    this.line = new Line(cpus);
  }
}
