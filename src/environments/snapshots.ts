import type { Image, Images } from "../images/index.ts";
import type { Trees, Snapshots as Usable } from "../isolation/index.ts";
import { DumpRefused } from "../isolation/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import { isBare } from "./bare.ts";
import type { Plan } from "./plan.ts";
import { type InitTraces, type SnapshotPolicy, sharedTrouble, snapshotTerms } from "./snapshot-policy.ts";
import { type Prepared, type TakenImage, TemplateFailed, type TemplateTerms } from "./template.ts";
import { takeEither } from "./trees.ts";

export interface SnapshotsNeeds {
  readonly images: Pick<Images, "find" | "list" | "draft" | "keep" | "discard" | "drop">;
  readonly usable: Usable;
  /** can whole trees of processes be copied (CRIU)? */
  trees(): Trees;
  readonly policy: SnapshotPolicy;
  /** how old an image may be before another is made in the background, milliseconds */
  readonly renewAfterMs: number;
  /** digest of all that decides the process (image-key.ts) */
  keyOf(plan: Plan): Promise<string>;
  /** makes a template and writes its image (template.ts) */
  take(plan: Plan, into: string, terms: TemplateTerms): Promise<TakenImage>;
  /** is this the version's current code and configuration? */
  isCurrent(target: FunctionVersion): boolean;
  /** somebody waits for an environment to start */
  busy(): boolean;
  /** a new image of this version can be used from now on */
  renewed(target: FunctionVersion): void;
  note(line: string): void;
  /** milliseconds since the epoch */
  clock(): number;
}

/** As the Lambda API needs it (SnapStart). `ok` without an image: a guard or the machine refused, and starts are plain. */
export type SnapshotResult =
  | { readonly ok: true; readonly why?: string }
  | { readonly ok: false; readonly errorType: string; readonly message: string };

/** Where a version's image stands, and why. */
export interface SnapshotView {
  readonly state: "none" | "waiting" | "making" | "ready" | "refused";
  /** one sentence; empty where there is nothing to say */
  readonly why: string;
  readonly bytes?: number;
  readonly pages?: number;
  readonly threads?: number;
  /** how it was made, if not by the platform itself */
  readonly by?: "criu";
  /** milliseconds since the epoch */
  readonly madeAt?: number;
}

interface Entry {
  readonly plan: Plan;
  key: string | undefined;
  state: SnapshotView["state"];
  why: string;
  /** the function's own failure, for whoever publishes it */
  failure: { readonly errorType: string; readonly message: string } | undefined;
  /** attempts that failed for reasons which may pass */
  attempts: number;
  /** images that were made and then did not wake */
  spoilt: number;
  /** not before, milliseconds since the epoch */
  notBefore: number;
  urgent: boolean;
  /** its processes were copied with CRIU: it is not tried otherwise again */
  tree: boolean;
  /** resolves when it is known whether an earlier run of the platform has left an image */
  met: Promise<void> | undefined;
  /** those who wait for the result */
  readonly waiting: (() => void)[];
}

/** How often a machine that is busy starting environments is looked at again, and for how long at most, milliseconds. */
const lookAgainMs = 25;
const patienceMs = 5000;
/** A reason that may pass is tried again this often, each time later. */
const attemptsAllowed = 3;
const retryMs = 60_000;

/**
 * Makes the images of function versions: one at a time in the whole platform, in the background once the first plain start
 * has shown that there is something to copy, or at once for a publication that waits. A version that cannot be copied is
 * not tried again until it changes.
 */
export class Snapshots {
  readonly #needs: SnapshotsNeeds;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  #working = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(needs: SnapshotsNeeds) {
    this.#needs = needs;
  }

  /** Looks for an image from an earlier run of the platform; to be awaited once, before the first image(). */
  async meet(plan: Plan): Promise<void> {
    const { key } = plan.target;
    if (!this.#needs.usable.usable) return;
    const known = this.#entries.get(key);
    if (known) return known.met;
    // The key of an image takes a look at many files: for most versions there is none.
    if (!this.#needs.images.list().some(({ owner }) => owner.key === key)) return;
    const entry = this.#entryOf(plan);
    entry.met = this.#lookUp(entry);
    await entry.met;
  }

  async #lookUp(entry: Entry): Promise<void> {
    const stored = this.#needs.images.find(await this.#keyOf(entry));
    entry.tree = stored?.facts.by === "criu";
    if (entry.tree) await this.#needs.trees().known;
    const found = this.#found(entry);
    if (found && entry.state === "none") [entry.state, entry.why] = ["ready", ""];
  }

  /** The image to make the next environment of, if there is one. */
  image(target: FunctionVersion): Image | undefined {
    const entry = this.#entries.get(target.key);
    return entry?.state === "none" || entry?.state === "refused" ? undefined : entry && this.#found(entry);
  }

  /** An environment of this plan has started plainly, or a copy of it has: is it time to make an image? */
  consider(plan: Plan): void {
    const refusal = this.#refusal(plan);
    const entry = this.#entryOf(plan);
    if (refusal !== undefined) {
      if (entry.state === "none") entry.why = refusal;
      return;
    }
    if (this.#isDue(entry)) this.#order(entry, false);
  }

  /** Orders new images in place of old ones; to be called now and then. */
  renewOld(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === "ready" && this.#isDue(entry)) this.#order(entry, false);
    }
  }

  /** Makes an image now, unless there is one. Never rejects. */
  async publish(plan: Plan): Promise<SnapshotResult> {
    const refusal = this.#refusal(plan);
    if (refusal !== undefined) return { ok: true, why: refusal };
    await this.meet(plan);
    const entry = this.#entryOf(plan);
    if (entry.state !== "ready") {
      // Whoever publishes wants to know it now, whatever was found before.
      entry.failure = undefined;
      const done = new Promise<void>((resolve) => entry.waiting.push(resolve));
      this.#order(entry, true);
      await done;
    }
    if (entry.failure) return { ok: false, ...entry.failure };
    return this.#found(entry) ? { ok: true } : { ok: true, why: entry.why };
  }

  /** Too many restores of it have failed in a row: another one is made later. */
  async spoilt(target: FunctionVersion, why: string): Promise<void> {
    const entry = this.#entries.get(target.key);
    if (!entry || !this.#found(entry)) return;
    entry.state = "none";
    entry.why = `the image was dropped: ${why}`;
    entry.notBefore = this.#needs.clock() + retryMs * 2 ** entry.spoilt++;
    if (entry.spoilt >= attemptsAllowed) entry.state = "refused";
    this.#needs.note(`${target.arn}: ${entry.why}`);
    if (entry.key !== undefined) await this.#needs.images.drop(entry.key);
  }

  /** The version is gone or superseded. */
  async forget(target: FunctionVersion): Promise<void> {
    const entry = this.#entries.get(target.key);
    this.#entries.delete(target.key);
    if (entry?.key !== undefined) await this.#needs.images.drop(entry.key);
  }

  view(target: FunctionVersion): SnapshotView {
    const { usable, reason } = this.#needs.usable;
    if (!usable) return { state: "none", why: reason };
    const entry = this.#entries.get(target.key);
    if (!entry) return { state: "none", why: "" };
    const image = this.#found(entry);
    const { state, why } = entry;
    if (!image) return { state: state === "ready" ? "none" : state, why };
    const { bytes, madeAt, facts } = image;
    const by = facts.by && { by: facts.by };
    return { state, why, bytes, madeAt, pages: facts.pages, threads: facts.threads, ...by };
  }

  /** Makes no more. What is being made is given up with the environments' end. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#queue.splice(0)) settle(entry);
    this.#wake?.();
  }

  #isDue(entry: Entry): boolean {
    const now = this.#needs.clock();
    if (entry.state === "waiting" || entry.state === "making" || entry.state === "refused") return false;
    const image = this.#found(entry);
    return now >= entry.notBefore && !(image && now - image.madeAt < this.#needs.renewAfterMs);
  }

  /** What can be said before a template is made. */
  #refusal({ target, tellsDraws, extensions }: Plan): string | undefined {
    const { usable, policy } = this.#needs;
    if (!usable.usable) return usable.reason;
    const terms = snapshotTerms(target, policy);
    if (!terms.allowed) return terms.why;
    if (extensions.length > 0) return `it has extensions (${extensions.join(", ")}): an image holds the runtime alone`;
    if (tellsDraws || terms.consents) return undefined;
    return withRemedy(sharedTrouble({ drew: undefined, sockets: 0 })!, target);
  }

  #entryOf(plan: Plan): Entry {
    let entry = this.#entries.get(plan.target.key);
    if (!entry) {
      entry = {
        plan,
        key: undefined,
        state: "none",
        why: "",
        failure: undefined,
        attempts: 0,
        spoilt: 0,
        notBefore: 0,
        urgent: false,
        tree: false,
        met: undefined,
        waiting: [],
      };
      this.#entries.set(plan.target.key, entry);
    }
    return entry;
  }

  #found(entry: Entry): Image | undefined {
    const image = entry.key === undefined ? undefined : this.#needs.images.find(entry.key);
    // CRIU may have been there in an earlier run of the platform.
    return image?.facts.by === "criu" && !this.#needs.trees().usable ? undefined : image;
  }

  async #keyOf(entry: Entry): Promise<string> {
    entry.key ??= await this.#needs.keyOf(entry.plan);
    return entry.key;
  }

  #order(entry: Entry, urgent: boolean): void {
    if (this.#closed) {
      settle(entry);
      return;
    }
    entry.urgent ||= urgent;
    if (entry.state !== "making" && !this.#queue.includes(entry)) {
      entry.state = "waiting";
      this.#queue.push(entry);
    }
    if (urgent) this.#wake?.();
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (this.#queue.length > 0 && !this.#closed) {
      const next = this.#queue[this.#first()]!;
      // Nobody waits for a quiet moment in which nothing is to be done.
      if (!next.urgent && this.#isWanted(next)) await this.#untilQuiet();
      const [entry] = this.#queue.splice(this.#first(), 1);
      if (entry && this.#isWanted(entry)) await this.#make(entry);
      else if (entry) settle(entry);
    }
    this.#working = false;
  }

  /** Index of who is next: a publication, then a runtime without a function, of which all its functions have something, then who came first. */
  #first(): number {
    const urgent = this.#queue.findIndex((entry) => entry.urgent);
    if (urgent >= 0) return urgent;
    return Math.max(
      0,
      this.#queue.findIndex(({ plan }) => isBare(plan.target)),
    );
  }

  /** Its version has not been superseded. Environments of before may still start when it has, and ask for an image. */
  #isWanted(entry: Entry): boolean {
    const { target } = entry.plan;
    if (this.#entries.get(target.key) !== entry) return false;
    if (this.#needs.isCurrent(target)) return true;
    this.#entries.delete(target.key);
    return false;
  }

  /** Callers go first: a template takes a CPU for as long as an init does. */
  async #untilQuiet(): Promise<void> {
    const until = this.#needs.clock() + patienceMs;
    do {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookAgainMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    } while (
      this.#needs.busy() &&
      this.#needs.clock() < until &&
      !this.#closed &&
      !this.#queue.some(({ urgent }) => urgent)
    );
  }

  /** Never rejects: what comes of it stands in the entry. */
  async #make(entry: Entry): Promise<void> {
    const { images, clock } = this.#needs;
    const { target } = entry.plan;
    const { urgent } = entry;
    entry.state = "making";
    entry.urgent = false;
    const draft = images.draft();
    try {
      const key = await this.#keyOf(entry);
      const assertUnshared = (traces: InitTraces) => this.#assertUnshared(target, traces);
      const terms = { urgent, check: ({ drew }: Prepared) => assertUnshared({ drew, sockets: 0 }) };
      const taken = await takeEither(entry.plan, terms, entry.tree, {
        trees: this.#needs.trees,
        take: (exact) => this.#needs.take(entry.plan, draft, exact),
        assertUnshared,
      });
      assertUnshared({ drew: taken.drew, sockets: taken.facts.sockets });
      entry.tree = taken.by === "criu";
      const { bytes, ms, processes: _, ...facts } = taken.facts;
      const { account, region, name, version } = target;
      const by = taken.by && { by: taken.by };
      await images.keep(draft, {
        key,
        owner: { account, region, name, version, key: target.key },
        madeAt: clock(),
        bytes,
        facts: { ...facts, via: taken.via, drew: taken.drew, initMs: taken.initMs, dumpMs: ms, ...by },
      });
      [entry.state, entry.why, entry.attempts] = ["ready", "", 0];
      if (this.#isWanted(entry)) this.#needs.renewed(target);
      else await images.drop(key);
    } catch (error) {
      await images.discard(draft).catch(() => undefined);
      this.#failed(entry, error as Error);
    }
    settle(entry);
  }

  #assertUnshared(target: FunctionVersion, traces: InitTraces): void {
    const terms = snapshotTerms(target, this.#needs.policy);
    const trouble = terms.allowed && terms.consents ? undefined : sharedTrouble(traces);
    if (trouble !== undefined) throw new DumpRefused("shared", withRemedy(trouble, target));
  }

  #failed(entry: Entry, error: Error): void {
    const { target } = entry.plan;
    if (error instanceof DumpRefused) {
      [entry.state, entry.why] = ["refused", error.message];
    } else {
      // No sandbox, no space, an init that found no database: that may pass.
      entry.attempts++;
      entry.notBefore = this.#needs.clock() + retryMs * 2 ** entry.attempts;
      const own = error instanceof TemplateFailed ? error : undefined;
      entry.failure = own && { errorType: own.errorType, message: own.message };
      entry.why = own ? `its own init failed: ${own.errorType}` : error.message;
      entry.state = entry.attempts < attemptsAllowed ? "none" : "refused";
    }
    if (this.#found(entry)) {
      // An older image is as good as it was.
      entry.state = "ready";
      entry.notBefore = this.#needs.clock() + this.#needs.renewAfterMs;
    }
    if (!this.#closed) this.#needs.note(`no image of ${target.arn}: ${entry.why}`);
  }
}

/** With what its owner may do about it; a runtime without a function has none. */
function withRemedy(trouble: string, target: FunctionVersion): string {
  return isBare(target) ? trouble : `${trouble}; allow it with the variable THAW_SNAPSHOT=on`;
}

function settle(entry: Entry): void {
  for (const done of entry.waiting.splice(0)) done();
}
