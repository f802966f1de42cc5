import type { Findings } from "../../templates/index.ts";
import type { PlannedStep } from "./plan.ts";

/** Steps so that each comes after those it needs, else as they stand in the template. A circle is an error. */
export function inOrder(
  steps: readonly PlannedStep[],
  needs: ReadonlyMap<string, ReadonlySet<string>>,
  findings: Findings,
): PlannedStep[] {
  const byId = new Map(steps.map((step) => [step.logicalId, step]));
  const ordered: PlannedStep[] = [];
  const done = new Set<string>();
  const visit = (step: PlannedStep, way: readonly string[]): void => {
    if (done.has(step.logicalId)) return;
    if (way.includes(step.logicalId)) {
      const circle = [...way.slice(way.indexOf(step.logicalId)), step.logicalId].join(" → ");
      findings.fail(step.line, step.logicalId, `depends on itself: ${circle}`);
      return;
    }
    for (const id of needs.get(step.logicalId) ?? []) {
      const needed = byId.get(id);
      if (needed !== undefined) visit(needed, [...way, step.logicalId]);
    }
    if (done.has(step.logicalId)) return;
    done.add(step.logicalId);
    ordered.push(step);
  };
  for (const step of steps) visit(step, []);
  return ordered;
}
