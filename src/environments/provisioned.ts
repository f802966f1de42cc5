import { warmUpStarts } from "../capacity/index.ts";
import { monotonicMs, ServiceError } from "../model/index.ts";
import type { AnyPool } from "./any-pool.ts";
import type { Environment } from "./environment.ts";
import type { State } from "./lifecycle.ts";

/** How far provisioned concurrency of a version has come. */
export interface ProvisionedView {
  /** initialised, whether or not they run something now */
  readonly allocated: number;
  /** initialised and healthy, of those that were asked for */
  readonly available: number;
  /** of the initialised ones, how many run something now */
  readonly inUse: number;
  /** why no more could be initialised */
  readonly failure?: string;
  /** it is the function that failed, not the machine */
  readonly initFailed?: boolean;
}

/** As much of a pool as keeps some of its environments ready. */
type Kept = Pick<AnyPool, "all" | "release" | "retired" | "startAhead">;

/** What bounds how fast an allocation grows. */
export interface ProvisionedNeeds {
  readonly cpus: number;
  /** bytes left for environments that may not be ended for one another */
  freeBytes(): number;
}

/** A start that failed is tried again after this, doubled each time up to the most, milliseconds. */
const firstRetryMs = 1000;
const longestRetryMs = 60_000;
/** Of a version that nothing is known of yet: what a small Node.js environment holds, bytes. */
const typicalBytes = 32 * 2 ** 20;

const initialised: ReadonlySet<State> = new Set(["idle", "frozen", "busy", "settling"]);

/**
 * Keeps environments of one version initialised: as many as were asked for, replaced when they end. They are started
 * gradually (capacity/scaling.ts: warmUpStarts), so that calls that come meanwhile find CPU.
 */
export class Provisioned {
  readonly #pool: Kept;
  readonly #needs: ProvisionedNeeds;
  #wanted = 0;
  #starting = 0;
  #failures = 0;
  #failure: Required<Pick<ProvisionedView, "failure" | "initFailed">> | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** when starts began, monotonicMs(), of the last minute */
  #started: number[] = [];

  constructor(pool: Kept, needs: ProvisionedNeeds) {
    this.#pool = pool;
    this.#needs = needs;
  }

  /** So many from now on; 0 ends it. What is too much ends when it is idle. */
  want(count: number): void {
    this.#wanted = count;
    this.#failures = 0;
    this.#failure = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const environment of this.#living().slice(count)) {
      this.#pool.release(environment);
      if (environment.state === "idle" || environment.state === "frozen") void environment.stop();
    }
    this.#fill();
  }

  /** One of the pool's environments has ended. */
  ended(): void {
    this.#fill();
  }

  get wanted(): number {
    return this.#wanted;
  }

  view(): ProvisionedView {
    const living = this.#living();
    const ready = living.filter(({ state }) => initialised.has(state)).length;
    const inUse = living.filter(({ state }) => state === "busy").length;
    return { allocated: ready, available: Math.min(ready, this.#wanted), inUse, ...this.#failure };
  }

  close(): void {
    this.#wanted = 0;
    clearTimeout(this.#retry);
  }

  #living(): Environment[] {
    return [...this.#pool.all].filter(({ provisioned, retired }) => provisioned && !retired);
  }

  #ready(): Environment[] {
    return this.#living().filter(({ state }) => initialised.has(state));
  }

  #fill(): void {
    if (this.#retry || this.#pool.retired) return;
    const ready = this.#ready();
    if (ready.length + this.#starting >= this.#wanted) return;
    const now = monotonicMs();
    this.#started = this.#started.filter((at) => now - at < 60e3);
    const [one] = ready;
    const starts = warmUpStarts({
      wanted: this.#wanted,
      ready: ready.length,
      starting: this.#starting,
      startedLastMinute: this.#started.length,
      cpus: this.#needs.cpus,
      freeBytes: this.#needs.freeBytes(),
      bytesEach: one ? one.memoryBytes() : typicalBytes,
    });
    for (let n = 0; n < starts; n++) void this.#startOne();
    // The end of a start asks again; without one, time has to.
    if (this.#starting === 0) this.#failed("This machine has no room for more environments now.", false);
  }

  /** Never rejects: why it failed is shown, and it is tried again. */
  async #startOne(): Promise<void> {
    this.#starting++;
    this.#started.push(monotonicMs());
    try {
      if (await this.#pool.startAhead(true)) {
        this.#failures = 0;
        this.#failure = undefined;
      } else {
        this.#failed("its init failed; its log says why", true);
      }
    } catch (error) {
      this.#failed((error as Error).message, error instanceof ServiceError);
    } finally {
      this.#starting--;
    }
    this.#fill();
  }

  #failed(failure: string, initFailed: boolean): void {
    this.#failure = { failure, initFailed };
    if (this.#retry) return;
    const again = () => {
      this.#retry = undefined;
      this.#fill();
    };
    this.#retry = setTimeout(again, Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures++));
    this.#retry.unref();
  }
}
