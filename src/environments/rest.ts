import { monotonicMs } from "../model/index.ts";
import { Deadline } from "./deadline.ts";
import type { Housing } from "./housing.ts";
import type { Life } from "./lifecycle.ts";

export interface RestNeeds {
  readonly life: Life;
  housing(): Pick<Housing, "freeze" | "thaw" | "sandbox">;
  /** idle for this long, it gets no more CPU (milliseconds); undefined: it always has */
  readonly freezeAfterMs: number | undefined;
}

/** An environment between its events: idle, after a while without CPU, then without the memory that can be taken back. */
export class Rest {
  /** when it last became idle, monotonicMs() */
  since = 0;
  /** frozen, it has given the memory back that the kernel could take */
  hibernated = false;
  readonly #needs: RestNeeds;
  readonly #quiet = new Deadline(() => this.#freeze());

  constructor(needs: RestNeeds) {
    this.#needs = needs;
  }

  begin(): void {
    const { life, freezeAfterMs } = this.#needs;
    life.move("ready");
    this.since = monotonicMs();
    if (freezeAfterMs !== undefined) this.#quiet.set(this.since + freezeAfterMs);
  }

  /** An event comes. */
  end(): void {
    this.#quiet.lift();
    if (this.#needs.life.state === "frozen") this.#thaw();
  }

  /** The environment ends. */
  close(): void {
    this.#quiet.close();
  }

  /** Gives memory back while it is frozen. Resolves with the bytes; undefined: it is not frozen. Never rejects. */
  async hibernate(): Promise<number | undefined> {
    if (this.#needs.life.state !== "frozen") return undefined;
    this.hibernated = true;
    return this.#needs.housing().sandbox.hibernate();
  }

  #freeze(): void {
    if (this.#needs.life.state !== "idle") return;
    this.#needs.life.move("freeze");
    this.#needs.housing().freeze();
  }

  #thaw(): void {
    this.#needs.life.move("thaw");
    this.hibernated = false;
    this.#needs.housing().thaw();
  }
}
