/** A path is none that EventBridge knows. */
export class InvalidPath extends Error {}

type Step = string | number | "*";

/**
 * Reads a path of EventBridge: `$`, then names after dots, indexes and wildcards (EventBridge User Guide, "Input
 * transformation": dot notation, dashes, underscores, alphanumeric characters, array indices, wildcards, forward slashes).
 * The function gives what is there, or undefined. Throws InvalidPath.
 */
export function compilePath(path: string): (document: unknown) => unknown {
  const steps = stepsOf(path);
  const several = steps.includes("*");
  return (document) => {
    let found: unknown[] = [document];
    for (const step of steps) found = found.flatMap((value) => inside(value, step));
    return several ? found : found[0];
  };
}

const step = /\.([\p{L}\p{N}_/-]+|\*)|\[(\d+|\*)\]|\['([^']*)'\]/uy;

function stepsOf(path: string): Step[] {
  if (!path.startsWith("$")) throw new InvalidPath(path);
  const steps: Step[] = [];
  step.lastIndex = 1;
  while (step.lastIndex < path.length) {
    const found = step.exec(path);
    if (found === null) throw new InvalidPath(path);
    const [, name, index, quoted] = found;
    steps.push(index !== undefined && index !== "*" ? Number(index) : (name ?? quoted ?? "*"));
  }
  return steps;
}

function inside(value: unknown, wanted: Step): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (wanted === "*") return Object.values(value);
  const found = Object.hasOwn(value, wanted) ? (value as Record<string | number, unknown>)[wanted] : undefined;
  return found === undefined ? [] : [found];
}
