import { Line } from "../capacity/index.ts";
import { type FunctionVersion, type Invocation, monotonicMs } from "../model/index.ts";
import type { Environment } from "./environment.ts";
import { type Errand, errandBytes } from "./errand.ts";
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

interface Waiter {
  readonly invocation: Invocation;
  readonly serve: (environment: Environment) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * How long an environment that has answered may take to ask for its next event before whoever waits for it gets a new one
 * (milliseconds). A custom runtime asks in a request of its own; a caller that comes again at once would else never find
 * the environment that answered it, and leave two behind.
 */
const settlingMs = 20;

/** Of a version that keeps its tenants apart: whose pool it is. */
export interface Tenant {
  readonly id: string;
  /** how the version starts, whoever it is for */
  readonly starts: Starts;
}

/**
 * The environments of one function version (one `key`), or of one of its tenants. Whoever finds none idle gets a new one started on its behalf, at
 * once or after a short wait, and takes whichever is ready first: the new one or one that finished its event.
 */
export class Pool {
  readonly target: FunctionVersion;
  readonly all = new Set<Environment>();
  readonly starts: Starts;
  readonly #line: Line<Environment, Waiter>;
  readonly #needs: PoolNeeds;
  readonly #tenant: string | undefined;
  #measured: Measured | undefined;
  #impatience: NodeJS.Timeout | undefined;
  #retired = false;

  constructor(target: FunctionVersion, needs: PoolNeeds, tenant?: Tenant) {
    this.target = target;
    this.#needs = needs;
    this.#line = new Line(needs.cpus);
    this.#tenant = tenant?.id;
    this.starts = tenant?.starts ?? new Starts(target, needs);
  }

  /** What keep-alive decisions weigh; undefined: nothing is known yet. */
  get measured(): Measured | undefined {
    return this.#measured;
  }

  /** One of its idle environments holds so much memory (bytes). */
  weigh(memoryBytes: number): void {
    const startMs = this.starts.bestMs;
    if (startMs !== undefined) this.#measured = { startMs, memoryBytes };
  }

  get empty(): boolean {
    return this.all.size === 0 && this.#line.waiting === 0;
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** Idle ones that may end. */
  idle(): readonly Environment[] {
    return this.#line.idle();
  }

  /**
   * An environment to run this event in: at once when one is idle. A new one may have it already, and shows that to run()
   * only. Rejects when none can be made.
   */
  acquire(invocation: Invocation): Environment | Promise<Environment> {
    return this.#line.take() ?? this.#wait(invocation);
  }

  /** An environment became able to serve. */
  offer(environment: Environment): void {
    if (environment.retired) {
      void environment.stop();
      return;
    }
    this.#line.offer(environment, environment.lastRunMs)?.serve(environment);
  }

  /**
   * Starts one that nobody has asked for, and offers it. False: its init failed, and nothing is kept of it. Rejects when
   * there is none to be had.
   */
  async startAhead(provisioned: boolean): Promise<boolean> {
    const end = await this.#needs.turn();
    try {
      const environment = await this.starts.start((plan, mode) => this.#made(plan, mode, provisioned));
      const isOfUse = environment.state === "idle";
      this.#welcome(environment);
      return isOfUse;
    } finally {
      end();
    }
  }

  /** An idle or busy environment that was provisioned is one like any other from now on. */
  release(environment: Environment): void {
    this.#line.release(environment, () => {
      environment.provisioned = false;
    });
  }

  /** An environment ends: it is offered to nobody any more. */
  drop(environment: Environment): void {
    this.all.delete(environment);
    this.#line.drop(environment);
  }

  /** The function changed or is gone: idle environments end now, busy ones after their event. */
  retire(): void {
    this.#retired = true;
    for (const environment of this.all) environment.retired = true;
    const answered = [...this.all].filter(({ state }) => state === "settling");
    for (const environment of [...this.#line.idle(), ...this.#line.provisioned(), ...answered]) void environment.stop();
  }

  #wait(invocation: Invocation): Promise<Environment> {
    return new Promise<Environment>((serve, refuse) => {
      const soon = this.#someSettle() ? settlingMs : 0;
      this.#line.wait({ invocation, serve, refuse }, monotonicMs(), this.all.size, soon);
      this.#startForTheImpatient();
    });
  }

  /** Keeps as many starts in flight as there are requests that have waited for long enough. */
  #startForTheImpatient(): void {
    clearTimeout(this.#impatience);
    this.#impatience = undefined;
    const now = monotonicMs();
    const { begin, againAtMs } = this.#line.begin(now);
    for (let each = 0; each < begin; each++) void this.#startOne();
    if (againAtMs !== undefined) this.#impatience = setTimeout(() => this.#startForTheImpatient(), againAtMs - now);
  }

  /** Are there more environments that are about to be idle than requests that wait for them? */
  #someSettle(): boolean {
    const { waiting } = this.#line;
    if (waiting >= this.all.size) return false;
    let count = 0;
    for (const environment of this.all) if (environment.state === "settling" && !environment.retired) count++;
    return count > waiting;
  }

  /** Never rejects: who waits longest learns why there is no environment. */
  async #startOne(): Promise<void> {
    const end = await this.#needs.turn();
    if (this.#line.stillWanted()) await this.#startNow();
    end();
    this.#startForTheImpatient();
  }

  async #startNow(): Promise<void> {
    const began = monotonicMs();
    let served: Waiter | undefined;
    const errand: Errand = {
      take: () => {
        served = this.#takeAlong();
        return served?.invocation;
      },
      giveBack: () => {
        this.#line.giveBack(served!);
        served = undefined;
      },
    };
    try {
      const environment = await this.starts.start((plan, mode) => this.#made(plan, mode, false), errand);
      this.#line.tookToStart(monotonicMs() - began);
      if (served) served.serve(environment);
      else {
        this.#line.startEnded();
        this.#welcome(environment);
      }
    } catch (error) {
      this.#line.startEnded();
      this.#line.next()?.refuse(error);
    }
  }

  /**
   * Who waits longest, to go along with a copy that wakes: that start is for nobody else any more. In a crowd a copy takes
   * long to wake, and whoever waits has a better chance with those that others leave.
   */
  #takeAlong(): Waiter | undefined {
    if (this.#needs.crowded()) return undefined;
    return this.#line.takeAlong(({ invocation }) => invocation.payload.length <= errandBytes);
  }

  #made(plan: Plan, mode: StartMode, provisioned: boolean): Environment {
    const environment = this.#needs.create(plan, mode, provisioned);
    environment.retired = this.#retired;
    environment.tenant = this.#tenant;
    this.all.add(environment);
    return environment;
  }

  /**
   * A new environment. A failed init goes to whoever waits, for its second try, and one that perished for its error; even
   * a retired pool serves those who were waiting before. Nobody waits: it is kept only if it is of use.
   */
  #welcome(environment: Environment): void {
    const waiter = this.#line.next();
    if (waiter) waiter.serve(environment);
    else if (environment.retired || environment.state !== "idle") void environment.stop();
    else this.#line.rest(environment);
  }
}
