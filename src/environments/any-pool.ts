import type { FunctionVersion, Invocation } from "../model/index.ts";
import type { Environment } from "./environment.ts";
import type { Plan } from "./plan.ts";
import type { StartMode } from "./start.ts";
import { Starts, type StartsNeeds } from "./starts.ts";

/** What a pool needs to make more of its kind. */
export interface PoolNeeds extends StartsNeeds {
  /** a new environment, not started */
  create(plan: Plan, mode: StartMode, provisioned: boolean): Environment;
  /** CPUs of this machine */
  readonly cpus: number;
  /** waits until one more may start; what it resolves with ends that turn */
  turn(): Promise<() => void>;
  /** more starts are under way than this machine has CPUs for */
  crowded(): boolean;
}

/** How long a start takes on its best rung, milliseconds, and what an idle environment holds, bytes. */
export interface Measured {
  readonly startMs: number;
  readonly memoryBytes: number;
}

/** Of a version that keeps its tenants apart: whose pool it is. */
export interface Tenant {
  readonly id: string;
  /** how the version starts, whoever it is for */
  readonly starts: Starts;
}

/** The environments of one function version (one `key`), or of one of its tenants, whoever of them serves whom. */
export abstract class AnyPool {
  readonly target: FunctionVersion;
  readonly all = new Set<Environment>();
  readonly starts: Starts;
  /** what keep-alive decisions weigh; undefined: nothing is known yet */
  measured: Measured | undefined;
  protected readonly needs: PoolNeeds;
  readonly #tenant: string | undefined;
  #retired = false;

  constructor(target: FunctionVersion, needs: PoolNeeds, tenant?: Tenant) {
    this.target = target;
    this.needs = needs;
    this.#tenant = tenant?.id;
    this.starts = tenant?.starts ?? new Starts(target, needs);
  }

  /** Has it neither environments nor anybody who waits for one? */
  abstract get empty(): boolean;

  /** Idle ones that may end. */
  abstract idle(): readonly Environment[];

  /**
   * An environment to run this event in: at once when one has a place for it. A new one may have it already, and shows that to
   * run() only. Rejects when there is none and none can be made.
   */
  abstract acquire(invocation: Invocation): Environment | Promise<Environment>;

  /** An environment became able to serve one more event. */
  abstract offer(environment: Environment): void;

  /**
   * Starts one that nobody has asked for, and offers it. False: its init failed, and nothing is kept of it unless somebody
   * waits, who gets it for the second try or its error. Rejects when there is none to be had.
   */
  abstract startAhead(provisioned: boolean): Promise<boolean>;

  /** An environment that was provisioned is one like any other from now on. */
  abstract release(environment: Environment): void;

  /** Ends those that run nothing. */
  protected abstract clear(): void;

  /** One of its idle environments holds so much memory (bytes). */
  weigh(memoryBytes: number): void {
    const startMs = this.starts.bestMs;
    if (startMs !== undefined) this.measured = { startMs, memoryBytes };
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** The function changed or is gone: idle environments end now, busy ones after their event. */
  retire(): void {
    this.#retired = true;
    for (const environment of this.all) environment.retired = true;
    this.clear();
  }

  /** An environment ends: it is offered to nobody any more. */
  drop(environment: Environment): void {
    this.all.delete(environment);
  }

  /** One more of its kind, not started. */
  protected made(plan: Plan, mode: StartMode, provisioned: boolean): Environment {
    const environment = this.needs.create(plan, mode, provisioned);
    environment.retired = this.#retired;
    environment.tenant = this.#tenant;
    this.all.add(environment);
    return environment;
  }
}
