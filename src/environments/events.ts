import type { LoggedFailure } from "./failure.ts";
import type { Serving } from "./serving.ts";

/**
 * The events that an environment runs, by stream: one at most, unless it is shared. There each has a time of its own, and
 * one that was answered for holds its place until the runtime has done with it.
 */
export class Events {
  readonly #running = new Map<number, Serving>();
  readonly #lingering = new Set<number>();
  readonly #watches = new Map<number, NodeJS.Timeout>();

  /** places that are taken */
  get load(): number {
    return this.#running.size + this.#lingering.size;
  }

  get(stream: number): Serving | undefined {
    return this.#running.get(stream);
  }

  /** of an environment that is not shared, the only one */
  get first(): Serving | undefined {
    const [first] = this.#running.values();
    return first;
  }

  begin(serving: Serving): void {
    this.#running.set(serving.stream, serving);
  }

  /** Calls `late` when the event has not ended within so many milliseconds. */
  watch(stream: number, limitMs: number, late: (serving: Serving) => void): void {
    const passed = () => {
      const serving = this.#running.get(stream);
      if (serving) late(serving);
    };
    this.#watches.set(stream, setTimeout(passed, limitMs));
  }

  /** It has its answer. `lingers`: and holds its place. */
  end(stream: number, lingers: boolean): void {
    this.#running.delete(stream);
    clearTimeout(this.#watches.get(stream));
    this.#watches.delete(stream);
    if (lingers) this.#lingering.add(stream);
  }

  /** True: it held its place, which is free now. */
  leave(stream: number): boolean {
    return this.#lingering.delete(stream);
  }

  /** None of them will be answered by the runtime. */
  fail(failure: (requestId: string) => LoggedFailure): void {
    for (const serving of [...this.#running.values()]) serving.failed(failure(serving.invocation.requestId), false);
  }
}
