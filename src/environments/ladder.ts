/**
 * Ways to a ready environment, each a rung below "warm": a copy of the initialised process; a copy of a runtime that has
 * booted without a function and takes the code; everything from nothing.
 */
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
  /** what `ms` is made of, the newest last */
  readonly latest: number[];
  /** measurements so far */
  samples: number;
  starts: number;
  failures: number;
  /** without a success between */
  inARow: number;
  /** copies that crashed at their first event, without one between that did not */
  crashes: number;
  lastFailure: string | undefined;
  /** starts of the version when it was last tried */
  triedAt: number;
}

/** So many measurements make a rung known; until then one that was made for speed is trusted to have it. */
const known = 3;
/** The latest measurements count, and of these the one in the middle: a busy machine only ever adds. */
const memory = 8;
/**
 * After this many starts by the faster rung the slower one shows whether it still is: sooner while it is hardly known, or
 * where it has more done already and should win: then it may have been measured while the machine was busy with other work.
 */
const retryEvery = { known: 64, unknown: 8 } as const;
/** A rung that takes more than this many times as long is not tried again on a caller's time … */
const notTwice = 2;
/** … nor, while it is hardly known, one that takes more than this, milliseconds. */
const unnoticedMs = 15;
/** From the one that has most done already to the one that needs nothing. */
const order: readonly Rung[] = ["restore", "pool", "plain"];
/** So many failures in a row end the use of an image. */
export const failuresAllowed = 3;

/**
 * Chooses how the next environment of one function version starts, by what its starts took so far. Pure: whoever makes the
 * environments tells what came of it.
 */
export class Ladder {
  readonly #rungs = new Map<Rung, Measured>();
  #starts = 0;

  /** `available`: the rungs beside "plain" that can be tried now. */
  choose(available: ReadonlySet<Rung>): Choice {
    const rungs = order.filter((rung) => rung === "plain" || available.has(rung));
    const young = this.#young(rungs);
    if (young) {
      const why = `${young} is trusted until it is measured (${this.#words(young)})`;
      return { rungs: sequence(young, rungs), why };
    }
    if (rungs.length === 1) return { rungs, why: "nothing else to choose" };
    const [winner, ...losers] = rungs.toSorted(
      (a, b) => this.#ms(a) - this.#ms(b) || rungs.indexOf(a) - rungs.indexOf(b),
    );
    const why = rungs.map((rung) => `${rung} ${this.#words(rung)}`).join(", ");
    // The image of the process is that of its runtime with more done: where it wins there is no doubt to be cleared.
    const doubted = losers.filter((rung) => winner !== "restore" || rung === "plain");
    const due = doubted.find((rung) => this.#isDue(rung, winner!));
    if (due) {
      // Now, not when it has ended: of many that start at once only one tries.
      this.#of(due).triedAt = this.#starts;
      return { rungs: sequence(due, rungs), why: `${why}; ${due} tried again` };
    }
    return { rungs: sequence(winner!, rungs), why };
  }

  /** One that is hardly measured yet, though it was made for speed, unless one that has more done already is fast enough. */
  #young(rungs: readonly Rung[]): Rung | undefined {
    for (const rung of rungs) {
      if (rung === "plain") return undefined;
      if (this.#of(rung).samples < known) return rung;
      if (this.#ms(rung) <= this.#ms("plain")) return undefined;
    }
    return undefined;
  }

  /**
   * A start on this rung succeeded.
   *
   * @param ms how long it took; undefined: many started at once, so that it says nothing about this rung
   */
  succeeded(rung: Rung, ms: number | undefined): void {
    const measured = this.#of(rung);
    measured.starts++;
    measured.inARow = 0;
    measured.triedAt = ++this.#starts;
    if (ms === undefined) return;
    measured.samples++;
    measured.latest.push(ms);
    if (measured.latest.length > memory) measured.latest.shift();
    measured.ms = middle(measured.latest);
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

  /**
   * A copy that this rung had made answered its first event, or crashed at it (`why`). Returns whether one has now crashed
   * too often in a row.
   */
  proved(rung: Rung, why: string | undefined): boolean {
    const measured = this.#of(rung);
    measured.crashes = why === undefined ? 0 : measured.crashes + 1;
    if (why === undefined) return false;
    measured.failures++;
    measured.lastFailure = why;
    return measured.crashes >= failuresAllowed;
  }

  /** The rung is new (another image): what was measured of the old one does not count. */
  renew(rung: Rung): void {
    const measured = this.#of(rung);
    measured.ms = undefined;
    measured.latest.length = 0;
    measured.samples = 0;
    measured.inARow = 0;
    measured.crashes = 0;
  }

  /** The rung has changed, for the better it seems: what was measured stands until the next start by it, which is soon. */
  doubt(rung: Rung): void {
    const measured = this.#rungs.get(rung);
    if (!measured) return;
    measured.latest.length = 0;
    measured.samples = 0;
  }

  /** Milliseconds of the fastest rung that was measured. */
  get bestMs(): number | undefined {
    const fastest = Math.min(...[...this.#rungs.keys()].map((rung) => this.#ms(rung)));
    return fastest === Number.POSITIVE_INFINITY ? undefined : fastest;
  }

  view(): Partial<Record<Rung, RungView>> {
    const rows = [...this.#rungs].map(([rung, { ms, starts, failures, lastFailure }]) => [
      rung,
      { ms, starts, failures, lastFailure },
    ]);
    return Object.fromEntries(rows);
  }

  #isDue(loser: Rung, winner: Rung): boolean {
    const { ms, samples, triedAt } = this.#of(loser);
    // Never measured since the platform started: it may be an init of minutes.
    if (ms === undefined) return false;
    const isKnown = samples >= known;
    const shouldWin = order.indexOf(loser) < order.indexOf(winner) && winner !== "plain";
    if (shouldWin && this.#starts - triedAt >= retryEvery.known) return true;
    const slowest = Math.max(notTwice * this.#ms(winner), isKnown ? 0 : unnoticedMs);
    const every = isKnown && !shouldWin ? retryEvery.known : retryEvery.unknown;
    return ms <= slowest && this.#starts - triedAt >= every;
  }

  /** A rung that was never measured is taken to be slow. */
  #ms(rung: Rung): number {
    return this.#of(rung).ms ?? Number.POSITIVE_INFINITY;
  }

  #words(rung: Rung): string {
    const { ms } = this.#of(rung);
    if (ms === undefined) return "not measured";
    return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  }

  #of(rung: Rung): Measured {
    let measured = this.#rungs.get(rung);
    if (!measured) {
      measured = {
        ms: undefined,
        latest: [],
        samples: 0,
        starts: 0,
        failures: 0,
        inARow: 0,
        crashes: 0,
        lastFailure: undefined,
        triedAt: 0,
      };
      this.#rungs.set(rung, measured);
    }
    return measured;
  }
}

/** The median; of an even number the lower one of the two in the middle. */
function middle(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1];
}

/** Behind a rung stand those that have less done already, down to the plain start. */
function sequence(first: Rung, rungs: readonly Rung[]): readonly Rung[] {
  return rungs.slice(rungs.indexOf(first));
}
