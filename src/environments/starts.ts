import { type FunctionVersion, monotonicMs, ServiceError } from "../model/index.ts";
import type { Compiling } from "./compiling.ts";
import type { Environment } from "./environment.ts";
import type { Errand } from "./errand.ts";
import { failuresAllowed, Ladder, type Rung, type RungView } from "./ladder.ts";
import { type Plan, withCompiled } from "./plan.ts";
import type { Snapshots, SnapshotView } from "./snapshots.ts";
import type { StartMode } from "./start.ts";

export interface StartsNeeds {
  plan(target: FunctionVersion): Promise<Plan>;
  readonly snapshots: Pick<Snapshots, "meet" | "image" | "consider" | "spoilt" | "view">;
  readonly compiling: Pick<Compiling, "found" | "consider" | "spoilt">;
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
  /** the image of its runtime without the function; "none": why it cannot be used for this version */
  readonly pool: SnapshotView;
}

/** a new environment, not started */
type Make = (plan: Plan, mode: StartMode) => Environment;

/** One start on one rung. */
interface Trial {
  readonly rung: Rung;
  readonly plan: Plan;
  readonly mode: StartMode;
  readonly make: Make;
  readonly why: string;
  readonly errand?: Errand | undefined;
  /** folder of what was compiled ahead */
  readonly compiled?: string | undefined;
}

/** Starts the environments of one function version, each on the best rung of the ladder that holds. */
export class Starts {
  readonly target: FunctionVersion;
  readonly #needs: StartsNeeds;
  readonly #ladder = new Ladder();
  #plan: Promise<Plan> | undefined;
  /** the plan, once it is made */
  #made: Plan | undefined;
  /** why copies of a runtime without a function are not used for this one any more */
  #unpooled: string | undefined;
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
   * @param errand of whoever waits for it
   */
  async start(make: Make, errand?: Errand): Promise<Environment> {
    const plan = await this.plan();
    const ways = this.#ways(plan);
    const choice = this.#ladder.choose(new Set(ways.keys()));
    const { rungs } = choice;
    const why = ways.size > 0 ? choice.why : `${choice.why}; ${this.#whyNoPool()}`;
    /** why rungs failed */
    const fell = new Map<Rung, string>();
    for (const rung of rungs) {
      const mode = ways.get(rung);
      if (!mode) continue;
      try {
        const compiled = rung === "pool" ? this.#needs.compiling.found(plan) : undefined;
        const environment = await this.#startOn({ rung, plan, mode, make, why, errand, compiled });
        await this.#settleFallen(fell, environment);
        return environment;
      } catch (error) {
        if (error instanceof ServiceError) throw error;
        fell.set(rung, (error as Error).message);
      }
    }
    const environment = await this.#startPlainly(plan, make, why);
    await this.#settleFallen(fell, environment);
    return environment;
  }

  /** What was compiled ahead may not keep a version from starting. */
  async #startPlainly(plan: Plan, make: Make, why: string): Promise<Environment> {
    const terms = { rung: "plain", plan, mode: { kind: "plain" }, make, why } as const;
    const compiled = this.#needs.compiling.found(plan);
    try {
      return await this.#startOn({ ...terms, compiled });
    } catch (error) {
      if (error instanceof ServiceError || compiled === undefined) throw error;
      this.#needs.compiling.spoilt(this.target, (error as Error).message);
      return this.#startOn(terms);
    }
  }

  /** Only now is it certain that it was the rungs and not the whole machine, nor the function's init. */
  async #settleFallen(fell: ReadonlyMap<Rung, string>, { state }: Environment): Promise<void> {
    for (const [rung, reason] of fell) if (rung !== "pool" || state !== "failed") await this.fell(rung, reason);
  }

  /** An environment that was started on this rung failed by no fault of the function's. */
  async fell(rung: Rung, reason: string): Promise<void> {
    if (this.#ladder.failed(rung, reason)) await this.#spoilt(rung, reason);
  }

  /** A copy has answered its first event, or crashed at it (`why`). */
  async proved(rung: Rung, why: string | undefined): Promise<void> {
    if (this.#ladder.proved(rung, why)) await this.#spoilt(rung, why!);
  }

  async #spoilt(rung: Rung, why: string): Promise<void> {
    const { snapshots } = this.#needs;
    if (rung === "restore") await snapshots.spoilt(this.target, why);
    if (rung !== "pool" || this.#unpooled !== undefined) return;
    // It may be this function that does not go with a copy: it spoils the image for others once at most.
    this.#unpooled = `it failed ${failuresAllowed} times in a row: ${why}`;
    if (this.#made?.bare) await snapshots.spoilt(this.#made.bare.target, why);
  }

  /** What can be copied now. */
  #ways({ bare }: Plan): Map<Rung, StartMode> {
    const { snapshots } = this.#needs;
    const ways = new Map<Rung, StartMode>();
    const image = snapshots.image(this.target);
    if (image) ways.set("restore", { kind: "restore", image: image.path, via: image.facts.via });
    const booted = bare && this.#unpooled === undefined ? snapshots.image(bare.target) : undefined;
    if (booted) ways.set("pool", { kind: "pool", image: booted.path });
    return ways;
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

  /** Starts compile less from now on: what was measured before is a first guess. */
  compiled(): void {
    this.#ladder.doubt("pool");
    this.#ladder.doubt("plain");
  }

  /** Another image: what was measured of copies of the old one does not count. */
  renewed(rung: Rung): void {
    this.#ladder.renew(rung);
  }

  /** Another image of a runtime without a function. */
  bareRenewed(bare: FunctionVersion): void {
    if (this.#made?.bare?.target.key === bare.key) this.renewed("pool");
  }

  /** Milliseconds that a start takes on its best rung; undefined: not known yet. */
  get bestMs(): number | undefined {
    return this.#ladder.bestMs;
  }

  view(): StartsView {
    const image = this.#needs.snapshots.view(this.target);
    const { rung, why = "" } = this.#latest ?? {};
    return { rung, why, rungs: this.#ladder.view(), image, pool: this.#poolView() };
  }

  #whyNoPool(): string {
    const { state, why } = this.#poolView();
    if (why) return `no pool: ${why}`;
    return state === "none" ? "no pool: its runtime is not booted ahead" : "no pool: its runtime is being booted";
  }

  #poolView(): SnapshotView {
    const { bare, unpooled = "" } = this.#made ?? {};
    const why = this.#unpooled ?? unpooled;
    return bare && this.#unpooled === undefined ? this.#needs.snapshots.view(bare.target) : { state: "none", why };
  }

  async #makePlan(): Promise<Plan> {
    const plan = await this.#needs.plan(this.target);
    await this.#needs.snapshots.meet(plan);
    if (plan.bare) {
      await this.#needs.snapshots.meet(plan.bare);
      this.#needs.snapshots.consider(plan.bare);
    }
    this.#made = plan;
    return plan;
  }

  async #startOn({ rung, plan, mode, make, why, errand, compiled }: Trial): Promise<Environment> {
    const { compiling } = this.#needs;
    const environment = make(compiled === undefined ? plan : withCompiled(plan, compiled), mode);
    const began = monotonicMs();
    const before = this.#needs.underWay(1);
    let after = before;
    try {
      await environment.start(errand);
    } finally {
      after = this.#needs.underWay(-1);
    }
    // With an event of its own it may be anywhere beyond.
    if (environment.state === "idle" || environment.invocations > 0) {
      const ms = environment.readyAt - began;
      this.#ladder.succeeded(rung, before.crowded || after.crowded ? undefined : ms);
      this.#latest = { rung, why };
      this.#needs.snapshots.consider(plan);
      if (rung !== "restore" && environment.state === "idle") compiling.consider(plan, environment.loadMs);
      return environment;
    }
    if (compiled !== undefined) compiling.spoilt(this.target, `an environment is ${environment.state} with it`);
    // A failed init has a second try in its first event; one that perished says why.
    if (environment.state === "failed" || environment.perished) return environment;
    throw new Error(`the environment ended while it started (${environment.state})`);
  }
}
