/** What is left of an event that has its answer while extensions are at work on it. */
export class Aftermath {
  /** the runtime has asked for the next event */
  ready = false;
  #over: (() => void) | undefined;

  /** `over` is called once, when the event is over. */
  begin(over: () => void): void {
    this.ready = false;
    this.#over = over;
  }

  end(): void {
    const over = this.#over;
    this.#over = undefined;
    over?.();
  }
}
