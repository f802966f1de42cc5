import {
  type FunctionVersion,
  type Invocation,
  type ManagedInstances,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import type { Environment } from "./environment.ts";
import type { Plan } from "./plan.ts";
import type { Measured, PoolNeeds } from "./pool.ts";
import type { StartMode } from "./start.ts";
import { Starts } from "./starts.ts";

interface Waiter {
  readonly serve: (environment: Environment) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * The environments of a version on a capacity provider, each of which serves several events at once. An event goes to the one
 * that has the fewest. When all places are taken one more is started, up to the version's maximum, and as many wait as it will
 * have places for; whoever comes beyond that is throttled.
 */
export class SharedPool {
  readonly target: FunctionVersion;
  readonly all = new Set<Environment>();
  readonly starts: Starts;
  readonly #needs: PoolNeeds;
  /** events that each has, or is about to get */
  readonly #taken = new Map<Environment, number>();
  readonly #waiters: Waiter[] = [];
  /** their init failed, and their first event tries again */
  readonly #retrying = new WeakSet<Environment>();
  #scale: ManagedInstances;
  #starting = 0;
  #measured: Measured | undefined;
  #retired = false;

  constructor(target: FunctionVersion, needs: PoolNeeds) {
    this.target = target;
    this.#needs = needs;
    this.starts = new Starts(target, needs);
    this.#scale = target.managed!;
  }

  get measured(): Measured | undefined {
    return this.#measured;
  }

  weigh(memoryBytes: number): void {
    const startMs = this.starts.bestMs;
    if (startMs !== undefined) this.#measured = { startMs, memoryBytes };
  }

  get empty(): boolean {
    return this.all.size === 0 && this.#waiters.length === 0;
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** Those that run nothing and are not part of the minimum. */
  idle(): readonly Environment[] {
    return [...this.#taken].filter(([{ provisioned }, taken]) => taken === 0 && !provisioned).map(([one]) => one);
  }

  /** The version's scaling is another now: what is beyond the maximum ends once it runs nothing. */
  scale(scale: ManagedInstances): void {
    this.#scale = scale;
    this.#shrink();
  }

  /** An environment with a place for this event. Rejects with TooManyRequestsException when there is none and will be none. */
  acquire(_invocation: Invocation): Environment | Promise<Environment> {
    const free = this.#leastTaken();
    if (free) return this.#take(free);
    if (this.#waiters.length >= this.#starting * this.#scale.concurrency) {
      if (this.all.size >= this.#scale.maxEnvironments) throw throttled();
      // Who waits learns what kept it from starting.
      this.#start(false).catch(() => undefined);
    }
    return new Promise<Environment>((serve, refuse) => this.#waiters.push({ serve, refuse }));
  }

  /** One of its events is over, and another may come. */
  offer(environment: Environment): void {
    const taken = this.#taken.get(environment);
    if (taken === undefined) return;
    // Whose init was tried again inside its first event has no other.
    this.#taken.set(environment, this.#retrying.delete(environment) ? environment.load : taken - 1);
    this.#serveWaiters();
    this.#shrink();
  }

  startAhead(provisioned: boolean): Promise<boolean> {
    return this.#start(provisioned);
  }

  release(environment: Environment): void {
    environment.provisioned = false;
  }

  drop(environment: Environment): void {
    this.all.delete(environment);
    this.#taken.delete(environment);
  }

  retire(): void {
    this.#retired = true;
    for (const environment of this.all) environment.retired = true;
    this.#shrink();
  }

  #leastTaken(): Environment | undefined {
    let best: Environment | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [environment, taken] of this.#taken) {
      if (taken >= least || taken >= this.#scale.concurrency || environment.retired) continue;
      best = environment;
      least = taken;
    }
    return best;
  }

  #take(environment: Environment): Environment {
    this.#taken.set(environment, this.#taken.get(environment)! + 1);
    return environment;
  }

  #serveWaiters(): void {
    while (this.#waiters.length > 0) {
      const free = this.#leastTaken();
      if (!free) return;
      this.#waiters.shift()!.serve(this.#take(free));
    }
  }

  /**
   * False: its init failed. Whoever waits longest then gets it, for the second try or its error. Rejects, for those who waited
   * too, when there is none to be had.
   */
  async #start(provisioned: boolean): Promise<boolean> {
    this.#starting++;
    const end = await this.#needs.turn();
    try {
      return this.#welcome(await this.#made(provisioned));
    } catch (error) {
      for (const { refuse } of this.#waiters.splice(0, this.#scale.concurrency)) refuse(error);
      throw error;
    } finally {
      this.#starting--;
      end();
    }
  }

  async #made(provisioned: boolean): Promise<Environment> {
    const began = monotonicMs();
    const environment = await this.starts.start((plan: Plan, mode: StartMode) => {
      const made = this.#needs.create(plan, mode, provisioned);
      made.retired = this.#retired;
      this.all.add(made);
      return made;
    });
    this.#measured ??= { startMs: monotonicMs() - began, memoryBytes: environment.memoryBytes() };
    return environment;
  }

  #welcome(environment: Environment): boolean {
    if (environment.state === "idle") {
      this.#taken.set(environment, 0);
      this.#serveWaiters();
      this.#shrink();
      return true;
    }
    const waiter = this.#waiters.shift();
    if (!waiter) void environment.stop();
    else {
      this.#taken.set(environment, this.#scale.concurrency);
      this.#retrying.add(environment);
      waiter.serve(environment);
    }
    return false;
  }

  #shrink(): void {
    for (const [environment, taken] of this.#taken) {
      const isMuch = environment.retired || this.all.size > this.#scale.maxEnvironments;
      if (taken > 0 || !isMuch) continue;
      this.#taken.delete(environment);
      void environment.stop();
    }
  }
}

function throttled(): ServiceError {
  return new ServiceError("TooManyRequestsException", "Rate Exceeded.", {
    Reason: "ConcurrentInvocationLimitExceeded",
  });
}
