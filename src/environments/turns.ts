/**
 * Lets starts go one after another where many are wanted at once. All of them together would share the CPUs and all be
 * ready at the end; so the first are ready early, and what they leave idle serves others, whose starts nobody needs then.
 */
export class Turns {
  readonly #most: number;
  readonly #longestMs: number;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param most starts at once
   * @param longestMs a start that takes longer, milliseconds, waits for something else than a CPU, as far as is known: it
   * goes on, and does not keep others from beginning
   */
  constructor(most: number, longestMs: number) {
    this.#most = most;
    this.#longestMs = longestMs;
  }

  /** Waits for a turn, first come, first served. Whoever has one calls what it resolves with when its start is over. */
  async take(): Promise<() => void> {
    if (this.#underWay < this.#most) this.#underWay++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let over = false;
    const end = () => {
      clearTimeout(late);
      if (!over) this.#next();
      over = true;
    };
    const late = setTimeout(end, this.#longestMs);
    late.unref();
    return end;
  }

  /** A turn is passed on, or free. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#underWay--;
  }
}
