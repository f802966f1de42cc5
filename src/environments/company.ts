import { type ExtensionFault, Extensions } from "../extensions/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Farewell, type ShutdownReason } from "./farewell.ts";
import type { Housing } from "./housing.ts";
import type { BesideEvents, ReadyMarks } from "./link.ts";

export interface CompanyNeeds {
  readonly target: FunctionVersion;
  /** names of the external extensions */
  readonly external: readonly string[];
  readonly log: InvocationLog;
  /** Extensions have got somewhere. Not heard any more once they are parted with. */
  changed(): void;
  failed(fault: ExtensionFault): void;
}

/** Who runs beside the runtime of one sandbox, from the first word of an extension on. */
export class Company {
  /** undefined: nobody has spoken of any */
  extensions: Extensions | undefined;
  /** the runtime is ready for its first event, and extensions are not */
  early: { readonly marks: ReadyMarks | undefined } | undefined;
  /** sends BOOT; all external extensions have to register before */
  boot: (() => void) | undefined;
  readonly events: BesideEvents = {
    request: (number, head, body) => this.open().request(number, head, body),
    gone: (number) => this.extensions?.gone(number),
    ended: (how) => this.extensions?.ended(how),
    sent: (number, arrived, answer) => this.extensions?.sent(number, arrived, answer),
  };
  readonly #needs: CompanyNeeds;
  #housing: Housing | undefined;
  #parting = false;
  #farewell: Farewell | undefined;

  constructor(needs: CompanyNeeds) {
    this.#needs = needs;
  }

  /** It lives there from now on. */
  settle(housing: Housing): void {
    this.#housing = housing;
  }

  /** Its extensions: those that are there from the start, and whoever else registers. */
  open(): Extensions {
    const { target, external, log, changed, failed } = this.#needs;
    const housing = this.#housing!;
    this.extensions ??= new Extensions({
      target,
      external,
      log,
      reply: (number, payload) => housing.link.reply(number, payload),
      send: (number, payload) => housing.link.send(number, payload),
      changed: () => {
        this.#farewell?.check();
        if (!this.#parting) changed();
      },
      failed: (fault) => {
        if (!this.#parting) failed(fault);
      },
    });
    return this.extensions;
  }

  /** The runtime begins, once all external extensions have registered. */
  bootIfRegistered(): void {
    if (!this.extensions?.registered) return;
    const { boot } = this;
    this.boot = undefined;
    boot?.();
  }

  /** The runtime is ready. Are they? If not, `early` holds it until they are. */
  isReady(marks: ReadyMarks | undefined): boolean {
    const { extensions } = this;
    extensions?.closeRegistration();
    this.early = extensions?.settleIn ? { marks } : undefined;
    if (this.early === undefined) extensions?.begin();
    return this.early === undefined;
  }

  runtimeEnded(): void {
    this.#farewell?.runtimeEnded();
  }

  /** Nobody hears of them any more; they hear of the end, and have their time. Resolves when nobody needs more. */
  async part(reason: ShutdownReason): Promise<void> {
    this.#parting = true;
    const { extensions } = this;
    if (!extensions || !this.#housing) return;
    extensions.begin();
    // What is logged of the end belongs to their telemetry.
    await new Promise((resolve) => setImmediate(resolve));
    this.#farewell = new Farewell(extensions, this.#housing, reason);
    await this.#farewell.over;
    extensions.close();
  }
}
