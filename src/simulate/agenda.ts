/** Something that is to happen in virtual time. */
export interface Due {
  happen(nowMs: number): void;
}

/** What is to happen, by time; what is due at the same time happens in the order in which it was put down. A binary heap. */
export class Agenda {
  readonly #times: number[] = [];
  readonly #turns: number[] = [];
  readonly #items: Due[] = [];
  #turn = 0;

  /** When the next thing happens, milliseconds; Infinity: there is none. */
  get nextMs(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  put(atMs: number, item: Due): void {
    this.#rise(this.#times.length, atMs, this.#turn++, item);
  }

  /** The next thing, taken off. There must be one. */
  take(): Due {
    const first = this.#items[0]!;
    const [time, turn, item] = [this.#times.pop()!, this.#turns.pop()!, this.#items.pop()!];
    if (this.#times.length > 0) this.#sink(time, turn, item);
    return first;
  }

  #rise(from: number, time: number, turn: number, item: Due): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#before(time, turn, above)) break;
      this.#move(above, at);
      at = above;
    }
    this.#set(at, time, turn, item);
  }

  #sink(time: number, turn: number, item: Due): void {
    const count = this.#times.length;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= count) break;
      if (below + 1 < count && this.#before(this.#times[below + 1]!, this.#turns[below + 1]!, below)) below++;
      if (this.#before(time, turn, below)) break;
      this.#move(below, at);
      at = below;
    }
    this.#set(at, time, turn, item);
  }

  #before(time: number, turn: number, other: number): boolean {
    const otherTime = this.#times[other]!;
    return time < otherTime || (time === otherTime && turn < this.#turns[other]!);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#times[from]!, this.#turns[from]!, this.#items[from]!);
  }

  #set(at: number, time: number, turn: number, item: Due): void {
    this.#times[at] = time;
    this.#turns[at] = turn;
    this.#items[at] = item;
  }
}
