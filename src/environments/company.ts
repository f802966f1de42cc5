import type { ExtensionFault, Extensions } from "../extensions/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Farewell, type ShutdownReason } from "./farewell.ts";
import type { Housing } from "./housing.ts";
import type { BesideEvents, Link, ReadyMarks } from "./link.ts";

export interface CompanyNeeds {
  readonly target: FunctionVersion;
  /** names of the external extensions */
  readonly external: readonly string[];
  readonly log: InvocationLog;
  /** Extensions have got somewhere. Not heard any more once they are parted with. */
  changed(): void;
  failed(fault: ExtensionFault): void;
}

/** Most platforms never run an extension: the room is loaded with the first. */
let room: typeof import("../extensions/index.ts") | undefined;

export async function loadRoom(): Promise<void> {
  room ??= await import("../extensions/index.ts");
}

/** The answer to a request where extensions have nothing to do: in an environment that will see no event. */
export async function refuseRequest(link: Pick<Link, "reply">, number: number): Promise<void> {
  const { refuseAll } = await import("../extensions/index.ts");
  link.reply(number, refuseAll());
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
    request: (number, head, body) => this.open((extensions) => extensions.request(number, head, body)),
    gone: (number) => this.#tell((extensions) => extensions.gone(number)),
    ended: (how) => this.#tell((extensions) => extensions.ended(how)),
    sent: (number, arrived, answer) => this.#tell((extensions) => extensions.sent(number, arrived, answer)),
  };
  readonly #needs: CompanyNeeds;
  #housing: Housing | undefined;
  /** what was told while the room was being loaded */
  #untold: ((extensions: Extensions) => void)[] | undefined;
  /** the runtime was ready before anybody had spoken */
  #wasReady = false;
  #parting = false;
  #farewell: Farewell | undefined;

  constructor(needs: CompanyNeeds) {
    this.#needs = needs;
  }

  /** It lives there from now on. */
  settle(housing: Housing): void {
    this.#housing = housing;
  }

  /** Tells its extensions, who are those that are there from the start, and whoever else registers: at once, or when the room is there. */
  open(fact: (extensions: Extensions) => void): void {
    if (room) this.extensions ??= this.#make(room);
    if (this.extensions) fact(this.extensions);
    else if (this.#untold) this.#untold.push(fact);
    else void this.#load(fact);
  }

  #tell(fact: (extensions: Extensions) => void): void {
    if (this.extensions || this.#untold) this.open(fact);
  }

  async #load(first: (extensions: Extensions) => void): Promise<void> {
    this.#untold = [first];
    await loadRoom();
    const facts = this.#untold;
    this.#untold = undefined;
    if (!this.#parting) for (const fact of facts) this.open(fact);
  }

  #make({ Extensions }: NonNullable<typeof room>): Extensions {
    const { target, external, log, changed, failed } = this.#needs;
    const housing = this.#housing!;
    const extensions = new Extensions({
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
    if (this.#wasReady) {
      extensions.closeRegistration();
      extensions.begin();
    }
    return extensions;
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
    this.#wasReady = true;
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
