import {
  type FunctionVersion,
  type Invocation,
  type ManagedInstances,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import { AnyPool, type PoolNeeds } from "./any-pool.ts";
import type { Environment } from "./environment.ts";

interface Waiter {
  readonly serve: (environment: Environment) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * The environments of a version on a capacity provider, each of which serves several events at once. An event goes to the one
 * that has the fewest. When all places are taken one more is started, up to the version's maximum, and as many wait as it will
 * have places for; whoever comes beyond that is throttled.
 */
export class SharedPool extends AnyPool {
  /** events that each has, or is about to get */
  readonly #taken = new Map<Environment, number>();
  readonly #waiters: Waiter[] = [];
  /** their init failed, and their first event tries again */
  readonly #retrying = new WeakSet<Environment>();
  #scale: ManagedInstances;
  #starting = 0;

  constructor(target: FunctionVersion, needs: PoolNeeds) {
    super(target, needs);
    this.#scale = target.managed!;
  }

  override get empty(): boolean {
    return this.all.size === 0 && this.#waiters.length === 0;
  }

  /** Those that run nothing and are not part of the minimum. */
  override idle(): readonly Environment[] {
    return [...this.#taken].filter(([{ provisioned }, taken]) => taken === 0 && !provisioned).map(([one]) => one);
  }

  /** The version's scaling is another now: what is beyond the maximum ends once it runs nothing. */
  scale(scale: ManagedInstances): void {
    this.#scale = scale;
    this.#shrink();
  }

  /** Rejects with TooManyRequestsException when there is no place and will be none. */
  override acquire(_invocation: Invocation): Environment | Promise<Environment> {
    const free = this.#leastTaken();
    if (free) return this.#take(free);
    if (this.#waiters.length >= this.#starting * this.#scale.concurrency) {
      if (this.all.size >= this.#scale.maxEnvironments) throw throttled();
      // Who waits learns what kept it from starting.
      this.#start(false).catch(() => undefined);
    }
    return new Promise<Environment>((serve, refuse) => this.#waiters.push({ serve, refuse }));
  }

  override offer(environment: Environment): void {
    const taken = this.#taken.get(environment);
    if (taken === undefined) return;
    // Whose init was tried again inside its first event has no other.
    this.#taken.set(environment, this.#retrying.delete(environment) ? environment.load : taken - 1);
    this.#serveWaiters();
    this.#shrink();
  }

  override startAhead(provisioned: boolean): Promise<boolean> {
    return this.#start(provisioned);
  }

  override release(environment: Environment): void {
    environment.provisioned = false;
  }

  override drop(environment: Environment): void {
    super.drop(environment);
    this.#taken.delete(environment);
  }

  protected override clear(): void {
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
    const end = await this.needs.turn();
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
    const environment = await this.starts.start((plan, mode) => this.made(plan, mode, provisioned));
    this.measured ??= { startMs: monotonicMs() - began, memoryBytes: environment.memoryBytes() };
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
