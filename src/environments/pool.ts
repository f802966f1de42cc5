import type { FunctionVersion } from "../model/index.ts";
import type { Environment } from "./environment.ts";
import type { Plan } from "./plan.ts";

/** What a pool needs to make more of its kind. */
export interface PoolNeeds {
  plan(target: FunctionVersion): Promise<Plan>;
  /** a new environment, not started */
  create(plan: Plan): Environment;
}

interface Waiter {
  readonly serve: (environment: Environment) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * How long an environment that has answered may take to ask for its next event before whoever waits for it gets a new one
 * (milliseconds). A custom runtime asks in a request of its own; a caller that comes again at once would else never find
 * the environment that answered it, and leave two behind.
 */
const settlingMs = 20;

/**
 * The environments of one function version (one `key`). Whoever finds none idle gets a new one started on its behalf, and
 * takes whichever is ready first: the new one or one that finished its event in the meantime.
 */
export class Pool {
  readonly target: FunctionVersion;
  readonly all = new Set<Environment>();
  /** last in, first out: the least recently used fall idle for long and can end */
  readonly #idle: Environment[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #needs: PoolNeeds;
  #plan: Plan | undefined;
  #retired = false;

  constructor(target: FunctionVersion, needs: PoolNeeds) {
    this.target = target;
    this.#needs = needs;
  }

  get empty(): boolean {
    return this.all.size === 0 && this.#waiters.length === 0;
  }

  get retired(): boolean {
    return this.#retired;
  }

  idle(): readonly Environment[] {
    return this.#idle;
  }

  /** An environment to run one event in: at once when one is idle. Rejects when none can be made. */
  acquire(): Environment | Promise<Environment> {
    return this.#idle.pop() ?? this.#wait();
  }

  /** An environment became able to serve. */
  offer(environment: Environment): void {
    if (environment.retired) {
      void environment.stop();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter) waiter.serve(environment);
    else this.#idle.push(environment);
  }

  /** An environment ends: it is offered to nobody any more. */
  drop(environment: Environment): void {
    this.all.delete(environment);
    const at = this.#idle.indexOf(environment);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** The function changed or is gone: idle environments end now, busy ones after their event. */
  retire(): void {
    this.#retired = true;
    for (const environment of this.all) environment.retired = true;
    for (const environment of [...this.#idle]) void environment.stop();
  }

  #wait(): Promise<Environment> {
    return new Promise<Environment>((serve, refuse) => {
      const waiter: Waiter = { serve, refuse };
      this.#waiters.push(waiter);
      const start = () =>
        this.#startOne().catch((error) => {
          // The one who asked for it may have been served by another already: then somebody else lost a helper, not an answer.
          const at = this.#waiters.indexOf(waiter);
          if (at >= 0) this.#waiters.splice(at, 1);
          refuse(error);
        });
      if (this.#settling() < this.#waiters.length) void start();
      else {
        setTimeout(() => {
          if (this.#waiters.includes(waiter)) void start();
        }, settlingMs);
      }
    });
  }

  /** Environments that are about to be idle. */
  #settling(): number {
    let count = 0;
    for (const environment of this.all) if (environment.state === "settling" && !environment.retired) count++;
    return count;
  }

  async #startOne(): Promise<void> {
    this.#plan ??= await this.#needs.plan(this.target);
    const environment = this.#needs.create(this.#plan);
    environment.retired = this.#retired;
    this.all.add(environment);
    await environment.start();
    // A failed init goes to whoever waits, for its second try; nobody waits: nothing is kept of it.
    if (environment.state === "failed" && this.#waiters.length === 0) await environment.stop();
    else if (environment.state === "failed") this.#waiters.shift()!.serve(environment);
    else if (environment.state === "idle") this.#serveFirst(environment);
    else throw new Error(`the environment ended while it started (${environment.state})`);
  }

  /** Even a pool that was retired meanwhile serves those who were waiting before. */
  #serveFirst(environment: Environment): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter.serve(environment);
    else this.offer(environment);
  }
}
