import type { Environment } from "./environment.ts";
import type { State } from "./lifecycle.ts";
import type { Pool } from "./pool.ts";

/** How far provisioned concurrency of a version has come. */
export interface ProvisionedView {
  /** initialised, whether or not they run something now */
  readonly allocated: number;
  /** initialised and healthy, of those that were asked for */
  readonly available: number;
  /** why no more could be initialised */
  readonly failure?: string;
}

/** A start that failed is tried again after this, doubled each time up to the most, milliseconds. */
const firstRetryMs = 1000;
const longestRetryMs = 60_000;
/** How many are started at once: more would only share the CPUs. */
const together = 4;

const initialised: ReadonlySet<State> = new Set(["idle", "frozen", "busy", "settling"]);

/** Keeps environments of one version initialised: as many as were asked for, replaced when they end. */
export class Provisioned {
  readonly #pool: Pool;
  #wanted = 0;
  #starting = 0;
  #failures = 0;
  #failure: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
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
    const ready = this.#ready();
    const failure = this.#failure === undefined ? {} : { failure: this.#failure };
    return { allocated: ready, available: Math.min(ready, this.#wanted), ...failure };
  }

  close(): void {
    this.#wanted = 0;
    clearTimeout(this.#retry);
  }

  #living(): Environment[] {
    return [...this.#pool.all].filter(({ provisioned, retired }) => provisioned && !retired);
  }

  #ready(): number {
    return this.#living().filter(({ state }) => initialised.has(state)).length;
  }

  #fill(): void {
    if (this.#retry || this.#pool.retired) return;
    const missing = this.#wanted - this.#ready() - this.#starting;
    for (let n = 0; n < Math.min(missing, together - this.#starting); n++) void this.#startOne();
  }

  /** Never rejects: why it failed is shown, and it is tried again. */
  async #startOne(): Promise<void> {
    this.#starting++;
    try {
      if (!(await this.#pool.startAhead(true))) throw new Error("its init failed; its log says why");
      this.#failures = 0;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = (error as Error).message;
      this.#retry ??= setTimeout(
        () => {
          this.#retry = undefined;
          this.#fill();
        },
        Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures++),
      );
      this.#retry.unref();
    } finally {
      this.#starting--;
    }
    this.#fill();
  }
}
