/** Ways to a ready environment, each a rung below "warm". "pool" (a pre-booted runtime takes the code) has no maker yet. */
export type Rung = "restore" | "pool" | "plain";

/** Which rungs to try, one after another, and why in this order. */
export interface Choice {
  readonly rungs: readonly Rung[];
  /** a few words for the operator */
  readonly why: string;
}

/** What is known of one rung of one function version. */
export interface RungView {
  /** smoothed, milliseconds from the order to a runtime that waits for its first event; undefined: not measured yet */
  readonly ms: number | undefined;
  readonly starts: number;
  readonly failures: number;
  readonly lastFailure: string | undefined;
}

interface Measured {
  ms: number | undefined;
  starts: number;
  failures: number;
  /** without a success between */
  inARow: number;
  lastFailure: string | undefined;
  /** starts of the version when it was last tried */
  triedAt: number;
}

/** After this many starts by the faster rung the slower one shows whether it still is. */
const retryEvery = 64;
/** A rung that takes more than this many times as long is not tried again on a caller's time. */
const notTwice = 2;
/** So many failures in a row end the use of an image. */
export const failuresAllowed = 3;

/**
 * Chooses how the next environment of one function version starts, by what its starts took so far. Pure: whoever makes the
 * environments tells what came of it.
 */
export class Ladder {
  readonly #smoothed: (average: number | undefined, sample: number) => number;
  readonly #rungs = new Map<Rung, Measured>();
  #starts = 0;

  /** `smoothed`: a moving average with one more sample (capacity/scale-out.ts) */
  constructor(smoothed: (average: number | undefined, sample: number) => number) {
    this.#smoothed = smoothed;
  }

  /** `available`: the rungs beside "plain" that can be tried now. */
  choose(available: ReadonlySet<Rung>): Choice {
    const plain = this.#of("plain");
    const others = ([...available] as const).filter((rung) => rung !== "plain");
    const untried = others.find((rung) => this.#of(rung).ms === undefined);
    if (untried) return { rungs: [untried, "plain"], why: `${untried}: not measured yet` };
    const [best] = others.sort((a, b) => this.#of(a).ms! - this.#of(b).ms!);
    if (best === undefined) return { rungs: ["plain"], why: "nothing else to choose" };
    const { ms } = this.#of(best);
    if (plain.ms === undefined) return { rungs: [best, "plain"], why: `${best} ${words(ms)}, plain not measured yet` };
    const why = `${best} ${words(ms)}, plain ${words(plain.ms)}`;
    const [winner, loser] = ms! <= plain.ms ? [best, "plain" as const] : (["plain", best] as const);
    if (this.#isDue(loser, winner))
      return { rungs: loser === "plain" ? ["plain"] : [loser, "plain"], why: `${why}; ${loser} tried again` };
    return { rungs: winner === "plain" ? ["plain"] : [winner, "plain"], why };
  }

  /** A start on this rung took so many milliseconds. */
  succeeded(rung: Rung, ms: number): void {
    const measured = this.#of(rung);
    measured.ms = this.#smoothed(measured.ms, ms);
    measured.starts++;
    measured.inARow = 0;
    measured.triedAt = ++this.#starts;
  }

  /** A start on this rung failed by no fault of the function's. Returns whether it has now done so too often in a row. */
  failed(rung: Rung, why: string): boolean {
    const measured = this.#of(rung);
    measured.failures++;
    measured.inARow++;
    measured.lastFailure = why;
    measured.triedAt = this.#starts;
    return measured.inARow >= failuresAllowed;
  }

  /** The rung is new (another image): what was measured of the old one does not count. */
  renew(rung: Rung): void {
    const measured = this.#of(rung);
    measured.ms = undefined;
    measured.inARow = 0;
  }

  /** Milliseconds of the fastest rung that was measured. */
  get bestMs(): number | undefined {
    const known = [...this.#rungs.values()].flatMap(({ ms }) => (ms === undefined ? [] : [ms]));
    return known.length === 0 ? undefined : Math.min(...known);
  }

  view(): Partial<Record<Rung, RungView>> {
    const rows = [...this.#rungs].map(([rung, { ms, starts, failures, lastFailure }]) => [
      rung,
      { ms, starts, failures, lastFailure },
    ]);
    return Object.fromEntries(rows);
  }

  #isDue(loser: Rung, winner: Rung): boolean {
    const { ms, triedAt } = this.#of(loser);
    return this.#starts - triedAt >= retryEvery && ms! <= notTwice * this.#of(winner).ms!;
  }

  #of(rung: Rung): Measured {
    let measured = this.#rungs.get(rung);
    if (!measured) {
      measured = { ms: undefined, starts: 0, failures: 0, inARow: 0, lastFailure: undefined, triedAt: 0 };
      this.#rungs.set(rung, measured);
    }
    return measured;
  }
}

function words(ms: number | undefined): string {
  return ms === undefined ? "unknown" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
