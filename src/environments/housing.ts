import type { Driver, Sandbox, SandboxSpec } from "../isolation/index.ts";
import { createLink, type Link, type LinkEvents, type RuntimeExit } from "./link.ts";

/** What is heard from inside: the link's facts, and one end, however it came about. */
export interface HousingEvents extends Omit<LinkEvents, "exit" | "closed"> {
  /** The runtime is gone, or the agent itself, or the whole sandbox, or one of them spoke wrongly. Heard once. */
  exit(status: RuntimeExit, outOfMemory: boolean): void;
}

/** A sandbox and the links into it: where one runtime lives. */
export class Housing {
  readonly sandbox: Sandbox;
  readonly link: Link;
  readonly #events: HousingEvents;
  /** nobody listens any more */
  #deaf = false;

  /** The runtime is gone, or nobody listens. */
  get hasEnded(): boolean {
    return this.#deaf;
  }

  /** Makes the sandbox. `shared`: the runtime in it serves several events at once. Rejects with the driver's error. */
  static async make(
    driver: Pick<Driver, "create">,
    spec: SandboxSpec,
    events: HousingEvents,
    shared = false,
  ): Promise<Housing> {
    return new Housing(await driver.create(spec), events, shared);
  }

  private constructor(sandbox: Sandbox, events: HousingEvents, shared: boolean) {
    this.sandbox = sandbox;
    this.#events = events;
    const killed = () => this.#exit({ signal: "SIGKILL" });
    const heard = { ...events, exit: (status: RuntimeExit) => this.#exit(status), closed: killed };
    this.link = createLink(sandbox.link, sandbox.runtimeLink, heard, shared);
    // Nobody's wish: the function took the whole sandbox along.
    void sandbox.exited.then(killed);
  }

  freeze(): void {
    if (this.sandbox.freezer) this.sandbox.freeze();
    else this.link.freeze();
  }

  thaw(): void {
    if (this.sandbox.freezer) this.sandbox.thaw();
    else this.link.thaw();
  }

  /** What becomes of the runtime is of no interest any more. */
  deafen(): void {
    this.#deaf = true;
  }

  /** Hears no more of it and kills everything in it. Resolves when nothing is left. */
  async leave(): Promise<void> {
    this.#deaf = true;
    this.link.close();
    await this.sandbox.kill();
  }

  #exit(status: RuntimeExit): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#events.exit(status, this.sandbox.takeOutOfMemory());
  }
}
