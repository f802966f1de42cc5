import type { FunctionVersion } from "../model/index.ts";
import type { CompiledFiles } from "./compile.ts";
import type { Plan } from "./plan.ts";
import type { SnapshotView } from "./snapshots.ts";

/** Where compiled code is kept (artifacts/compiled.ts). */
export interface CompiledStore {
  find(owner: FunctionVersion, form: string): string | undefined;
  keep(owner: FunctionVersion, form: string, files: CompiledFiles): Promise<void>;
  drop(owner: Pick<FunctionVersion, "key">): Promise<void>;
}

export interface CompilingNeeds {
  /** it is wanted (THAW_PREPARE), and sandboxes have paths of their own */
  readonly used: boolean;
  readonly store: CompiledStore;
  /** initialises a version and hands over what its runtime compiled (compile.ts) */
  compile(plan: Plan): Promise<CompiledFiles>;
  /** digest of all about a plan that decides whether its runtime can use what another start compiled */
  formOf(plan: Plan): string;
  /** where the version's image stands */
  image(target: FunctionVersion): SnapshotView;
  isCurrent(target: FunctionVersion): boolean;
  /** somebody waits for an environment to start */
  busy(): boolean;
  /** starts of this version compile nothing from now on */
  ready(target: FunctionVersion): void;
  note(line: string): void;
}

/** What loads its code in less than this gains nothing that anybody would notice, milliseconds. */
const worthMs = 10;
/** How often a machine that is busy starting environments is looked at again, and how often at most. */
const lookAgainMs = 50;
const looks = 100;

/**
 * Has the code of versions compiled ahead of their next starts, one version at a time, in the background. Where copies of
 * the initialised process are made nobody compiles anything, and nothing is done. A version that cannot be compiled, or
 * whose starts failed with what was compiled, is left alone until it changes.
 */
export class Compiling {
  readonly #needs: CompilingNeeds;
  /** keys of versions that have had their turn */
  readonly #tried = new Set<string>();
  /** … and of those whose starts failed with it: the folder stays, as an environment may still be made of it */
  readonly #spoilt = new Set<string>();
  readonly #queue: Plan[] = [];
  #working = false;
  #closed = false;

  constructor(needs: CompilingNeeds) {
    this.#needs = needs;
  }

  /** The folder for the next start of this plan, if there is one. */
  found(plan: Plan): string | undefined {
    const { used, store, formOf } = this.#needs;
    return used && plan.compiles && !this.#spoilt.has(plan.target.key)
      ? store.find(plan.target, formOf(plan))
      : undefined;
  }

  /** An environment of this plan has loaded its code, which took so long (undefined: it did not say). Is it worth a folder? */
  consider(plan: Plan, loadMs: number | undefined): void {
    const { target } = plan;
    if (!this.#needs.used || !plan.compiles || this.#tried.has(target.key) || this.#closed) return;
    if (loadMs === undefined || loadMs < worthMs || this.found(plan)) return;
    const { state } = this.#needs.image(target);
    if (state === "ready" || state === "waiting" || state === "making") return;
    this.#tried.add(target.key);
    this.#queue.push(plan);
    void this.#work();
  }

  /** A start that used it failed: the next ones do without. */
  spoilt(target: FunctionVersion, why: string): void {
    this.#spoilt.add(target.key);
    this.#needs.note(`${target.arn}: nothing compiled ahead is used any more: ${why}`);
  }

  /** The version is gone or superseded. Never rejects. */
  async forget(target: FunctionVersion): Promise<void> {
    this.#tried.delete(target.key);
    this.#spoilt.delete(target.key);
    const left = (error: Error) => this.#needs.note(`compiled code could not be deleted: ${error.message}`);
    await this.#needs.store.drop(target).catch(left);
  }

  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (this.#queue.length > 0 && !this.#closed) {
      await this.#untilQuiet();
      const plan = this.#queue.shift();
      if (plan && this.#needs.isCurrent(plan.target)) await this.#make(plan);
    }
    this.#working = false;
  }

  /** Callers go first. */
  async #untilQuiet(): Promise<void> {
    for (let n = 0; n < looks && !this.#closed; n++) {
      await new Promise<void>((resolve) => setTimeout(resolve, lookAgainMs).unref());
      if (!this.#needs.busy()) return;
    }
  }

  /** Never rejects. */
  async #make(plan: Plan): Promise<void> {
    const { store, compile, formOf, isCurrent, note, ready } = this.#needs;
    const { target } = plan;
    try {
      const files = await compile(plan);
      if (files.size === 0 || this.#closed) return;
      await store.keep(target, formOf(plan), files);
      if (isCurrent(target)) ready(target);
      else await store.drop(target);
    } catch (error) {
      const { message } = error as Error;
      if (!this.#closed) note(`nothing compiled ahead of ${target.arn}: ${message}`);
    }
  }
}
