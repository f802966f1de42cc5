import { Line } from "../capacity/index.ts";
import { type FunctionVersion, type Invocation, monotonicMs } from "../model/index.ts";
import { AnyPool, type PoolNeeds, type Tenant } from "./any-pool.ts";
import type { Environment } from "./environment.ts";
import { type Errand, errandBytes } from "./errand.ts";

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

/**
 * Environments that run one event at a time. Whoever finds none idle gets a new one started on its behalf, at once or after a
 * short wait, and takes whichever is ready first: the new one or one that finished its event.
 */
export class Pool extends AnyPool {
  readonly #line: Line<Environment, Waiter>;
  #impatience: NodeJS.Timeout | undefined;

  constructor(target: FunctionVersion, needs: PoolNeeds, tenant?: Tenant) {
    super(target, needs, tenant);
    this.#line = new Line(needs.cpus);
  }

  override get empty(): boolean {
    return this.all.size === 0 && this.#line.waiting === 0;
  }

  override idle(): readonly Environment[] {
    return this.#line.idle();
  }

  override acquire(invocation: Invocation): Environment | Promise<Environment> {
    return this.#line.take() ?? this.#wait(invocation);
  }

  override offer(environment: Environment): void {
    if (environment.retired) {
      void environment.stop();
      return;
    }
    this.#line.offer(environment, environment.lastRunMs)?.serve(environment);
  }

  override async startAhead(provisioned: boolean): Promise<boolean> {
    const end = await this.needs.turn();
    try {
      const environment = await this.starts.start((plan, mode) => this.made(plan, mode, provisioned));
      const isOfUse = environment.state === "idle";
      this.#welcome(environment);
      return isOfUse;
    } finally {
      end();
    }
  }

  override release(environment: Environment): void {
    this.#line.release(environment, () => {
      environment.provisioned = false;
    });
  }

  override drop(environment: Environment): void {
    super.drop(environment);
    this.#line.drop(environment);
  }

  protected override clear(): void {
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
    const end = await this.needs.turn();
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
      const environment = await this.starts.start((plan, mode) => this.made(plan, mode, false), errand);
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
    if (this.needs.crowded()) return undefined;
    return this.#line.takeAlong(({ invocation }) => invocation.payload.length <= errandBytes);
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
