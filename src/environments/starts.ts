import { type FunctionVersion, monotonicMs, ServiceError } from "../model/index.ts";
import type { Environment, StartMode } from "./environment.ts";
import { Ladder, type Rung, type RungView } from "./ladder.ts";
import type { Plan } from "./plan.ts";
import type { Snapshots, SnapshotView } from "./snapshots.ts";

export interface StartsNeeds {
  plan(target: FunctionVersion): Promise<Plan>;
  readonly snapshots: Pick<Snapshots, "meet" | "image" | "consider" | "spoilt" | "view">;
  /** A start begins or ends. `crowded`: so many are under way that its time says nothing about its rung. */
  underWay(change: 1 | -1): { readonly crowded: boolean };
}

/** How the environments of a version start: what `thaw ps` and the operator's pages show. */
export interface StartsView {
  /** the rung of the latest start, and why that one */
  readonly rung: Rung | undefined;
  readonly why: string;
  readonly rungs: Partial<Record<Rung, RungView>>;
  readonly image: SnapshotView;
}

/** Starts the environments of one function version, each on the best rung of the ladder that holds. */
export class Starts {
  readonly target: FunctionVersion;
  readonly #needs: StartsNeeds;
  readonly #ladder = new Ladder();
  #plan: Promise<Plan> | undefined;
  #latest: { readonly rung: Rung; readonly why: string } | undefined;

  constructor(target: FunctionVersion, needs: StartsNeeds) {
    this.target = target;
    this.#needs = needs;
  }

  /**
   * Starts an environment. A rung that fails by no fault of the function's is counted, and the next one is tried.
   * Rejects with the error of the last rung, or at once with a failure of the function's own (ServiceError).
   *
   * @param make a new environment, not started
   */
  async start(make: (plan: Plan, mode: StartMode) => Environment): Promise<Environment> {
    const plan = await this.plan();
    const image = this.#needs.snapshots.image(this.target);
    const { rungs, why } = this.#ladder.choose(new Set(image ? ["restore"] : []));
    /** why rungs failed */
    const fell = new Map<Rung, string>();
    for (const rung of rungs) {
      if (rung !== "restore" || !image) continue;
      try {
        const mode = { kind: "restore", image: image.path, via: image.facts.via } as const;
        return await this.#startOn(rung, make(plan, mode), why);
      } catch (error) {
        if (error instanceof ServiceError) throw error;
        fell.set(rung, (error as Error).message);
      }
    }
    const environment = await this.#startOn("plain", make(plan, { kind: "plain" }), why);
    // Only now is it certain that it was the rung and not the whole machine.
    for (const [rung, reason] of fell) await this.fell(rung, reason);
    return environment;
  }

  /** An environment that was started on this rung failed by no fault of the function's. */
  async fell(rung: Rung, reason: string): Promise<void> {
    const tooOften = this.#ladder.failed(rung, reason);
    if (rung === "restore" && tooOften) await this.#needs.snapshots.spoilt(this.target, reason);
  }

  /** What all starts of this version share; made once. Rejects with what the artifacts rejected with. */
  plan(): Promise<Plan> {
    if (!this.#plan) {
      this.#plan = this.#makePlan();
      // A runtime that could not be fetched is asked for again by the next request.
      this.#plan.catch(() => {
        this.#plan = undefined;
      });
    }
    return this.#plan;
  }

  /** Another image: what was measured of copies of the old one does not count. */
  renewed(): void {
    this.#ladder.renew("restore");
  }

  /** Milliseconds that a start takes on its best rung; undefined: not known yet. */
  get bestMs(): number | undefined {
    return this.#ladder.bestMs;
  }

  view(): StartsView {
    const image = this.#needs.snapshots.view(this.target);
    return { rung: this.#latest?.rung, why: this.#latest?.why ?? "", rungs: this.#ladder.view(), image };
  }

  async #makePlan(): Promise<Plan> {
    const plan = await this.#needs.plan(this.target);
    await this.#needs.snapshots.meet(plan);
    return plan;
  }

  async #startOn(rung: Rung, environment: Environment, why: string): Promise<Environment> {
    const began = monotonicMs();
    const before = this.#needs.underWay(1);
    let after = before;
    try {
      await environment.start();
    } finally {
      after = this.#needs.underWay(-1);
    }
    if (environment.state === "idle") {
      const ms = monotonicMs() - began;
      this.#ladder.succeeded(rung, before.crowded || after.crowded ? undefined : ms);
      this.#latest = { rung, why };
      this.#needs.snapshots.consider(environment.plan);
      return environment;
    }
    // A failed init has a second try in its first event; one that perished says why.
    if (environment.state === "failed" || environment.perished) return environment;
    throw new Error(`the environment ended while it started (${environment.state})`);
  }
}
