import { DumpRefused, type Trees } from "../isolation/index.ts";
import { isBare } from "./bare.ts";
import type { Plan } from "./plan.ts";
import type { InitTraces } from "./snapshot-policy.ts";
import type { TakenImage, TemplateTerms } from "./template.ts";

/**
 * What our own dump refuses and CRIU may copy: other processes, timers, descriptors of rare kinds and locks, shared memory.
 * Not what is wrong with the machine, the moment, or files that have gone.
 */
const forTrees: ReadonlySet<string> = new Set(["children", "timer", "descriptor", "memory"]);

export interface TreesNeeds {
  /** can whole trees of processes be copied (CRIU)? */
  trees(): Trees;
  /** makes a template and writes its image to the draft (template.ts) */
  take(terms: TemplateTerms): Promise<TakenImage>;
  /** throws where copies would share what they must not */
  assertUnshared(traces: InitTraces): void;
}

/**
 * Makes an image by the platform's own means where they suffice, and of another template, with CRIU, what only CRIU can
 * copy. Rejects as takeImage() does; a refusal then says what stood against either.
 *
 * @param known CRIU has copied this version before: nothing else is tried
 */
export async function takeEither(
  plan: Plan,
  terms: TemplateTerms,
  known: boolean,
  needs: TreesNeeds,
): Promise<TakenImage> {
  if (known) return takeTree(terms, needs);
  try {
    return await needs.take(terms);
  } catch (error) {
    if (!(error instanceof DumpRefused) || !(await isForTree(plan, error, needs))) throw error;
    return takeTree(terms, needs).catch((second: Error) => {
      if (!(second instanceof DumpRefused)) throw second;
      throw new DumpRefused(second.code, `${error.message}; ${second.message}`);
    });
  }
}

async function takeTree(terms: TemplateTerms, needs: TreesNeeds): Promise<TakenImage> {
  const taken = await needs.take({ ...terms, tree: true });
  needs.assertUnshared({ drew: false, sockets: 0, others: (taken.facts.processes ?? 1) > 1 });
  return taken;
}

/** Throws a refusal that says more where CRIU is at hand and still no help. */
async function isForTree(plan: Plan, { code, message }: DumpRefused, needs: TreesNeeds): Promise<boolean> {
  if (!forTrees.has(code) || isBare(plan.target)) return false;
  await needs.trees().known;
  if (!needs.trees().usable) return false;
  if (plan.link !== "frames") {
    throw new DumpRefused("link", `${message}, and criu copies no runtime that has its events over HTTP`);
  }
  // It would be refused in the end: no second template for that.
  needs.assertUnshared({ drew: false, sockets: 0, others: code === "children" });
  return true;
}
