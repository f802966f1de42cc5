import { isLeaf, type Matcher, MatcherError, matcherNames, matcherOf } from "./matchers.ts";

/** A pattern that is none; the message says why, and at which field. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

/** One field of a pattern: any one of the matchers must fit. */
export interface Condition {
  readonly path: readonly string[];
  readonly matchers: readonly Matcher[];
}

/** A pattern without `$or`: all conditions hold, and all branches. */
export interface Branch {
  readonly conditions: ReadonlyMap<string, readonly Condition[]>;
  readonly branches: ReadonlyMap<string, Branch>;
}

/** What `$or` may multiply to. Source: EventBridge User Guide, "there is a limit to the number of $or conditions: 1,000". */
const mostAlternatives = 1000;

const empty: Branch = { conditions: new Map(), branches: new Map() };

/** The pattern as a list of alternatives without `$or`. Throws PatternError. */
export function alternativesOf(pattern: Readonly<Record<string, unknown>>): readonly Branch[] {
  return branchesOf(pattern, []);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function branchesOf(pattern: Readonly<Record<string, unknown>>, path: readonly string[]): readonly Branch[] {
  let all: readonly Branch[] = [empty];
  for (const [name, value] of Object.entries(pattern)) {
    const here = [...path, name];
    all = product(all, fieldOf(name, value, path, here), here);
  }
  return all;
}

function fieldOf(name: string, value: unknown, path: readonly string[], here: readonly string[]): readonly Branch[] {
  if (name === "$or" && Array.isArray(value)) return either(value, path, here);
  if (Array.isArray(value)) {
    if (value.length === 0) throw problem("Empty arrays are not allowed", here);
    const condition = { path: here, matchers: value.map((element) => matcherAt(element, here)) };
    return [{ conditions: new Map([[name, [condition]]]), branches: empty.branches }];
  }
  if (!isObject(value) || name === "$or") throw problem(`"${name}" must be an object or an array`, here);
  if (Object.keys(value).length === 0) throw problem("Empty objects are not allowed", here);
  return branchesOf(value, here).map((inner) => ({ conditions: empty.conditions, branches: new Map([[name, inner]]) }));
}

function either(alternatives: readonly unknown[], path: readonly string[], here: readonly string[]): readonly Branch[] {
  if (alternatives.length < 2) throw problem("There must have at least 2 Objects in $or relationship.", here);
  return alternatives.flatMap((alternative) => {
    if (!isObject(alternative) || Object.keys(alternative).length === 0) {
      throw problem("Only JsonObject is allowed in array of $or relationship.", here);
    }
    const reserved = Object.keys(alternative).find((name) => matcherNames.has(name));
    if (reserved !== undefined) throw problem(`${reserved} is a matcher and no field of $or`, here);
    return branchesOf(alternative, path);
  });
}

function product(left: readonly Branch[], right: readonly Branch[], here: readonly string[]): readonly Branch[] {
  if (left.length * right.length > mostAlternatives) {
    throw problem(`Too many combinations of $or: more than ${mostAlternatives}`, here);
  }
  return left.flatMap((one) => right.map((other) => merged(one, other)));
}

/** Both at once: of the same object, where they name the same field. */
function merged(one: Branch, other: Branch): Branch {
  const conditions = new Map(one.conditions);
  for (const [name, more] of other.conditions) conditions.set(name, [...(conditions.get(name) ?? []), ...more]);
  const branches = new Map(one.branches);
  for (const [name, inner] of other.branches) branches.set(name, merged(branches.get(name) ?? empty, inner));
  return { conditions, branches };
}

function matcherAt(element: unknown, path: readonly string[]): Matcher {
  try {
    return matcherOf(element);
  } catch (error) {
    throw error instanceof MatcherError ? problem(error.message, path) : error;
  }
}

function problem(message: string, path: readonly string[]): PatternError {
  return new PatternError(`${message} at "${path.join(".")}"`);
}

/** Does `event` fit all of `branch`? Fields of one object of a list belong together. */
export function fitsBranch(branch: Branch, event: unknown): boolean {
  return fitsWithin(branch, event, event);
}

function fitsWithin(branch: Branch, value: unknown, event: unknown): boolean {
  const objects = objectsOf(value);
  // Nothing is there: what asks for absent fields only may still fit.
  if (objects.length === 0) return fitsObject(branch, {}, event);
  return objects.some((object) => fitsObject(branch, object, event));
}

function fitsObject(branch: Branch, object: Readonly<Record<string, unknown>>, event: unknown): boolean {
  for (const [name, conditions] of branch.conditions) {
    const values = leavesOf(own(object, name));
    for (const { path, matchers } of conditions) {
      const fits = matchers.some(
        (matcher) =>
          values.some((value) => matcher.fits(value)) || (matcher.absent === true && !isPresent(event, path, 0)),
      );
      if (!fits) return false;
    }
  }
  for (const [name, inner] of branch.branches) {
    if (!fitsWithin(inner, own(object, name), event)) return false;
  }
  return true;
}

const own = (object: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/** Has the event, in any element of any list, a value at the end of the path? */
function isPresent(value: unknown, path: readonly string[], at: number): boolean {
  if (at === path.length) return leavesOf(value).length > 0;
  return objectsOf(value).some((object) => isPresent(own(object, path[at]!), path, at + 1));
}

function leavesOf(value: unknown): readonly (string | number | boolean | null)[] {
  if (isLeaf(value)) return [value];
  return Array.isArray(value) ? value.flatMap(leavesOf) : [];
}

function objectsOf(value: unknown): readonly Record<string, unknown>[] {
  if (isObject(value)) return [value];
  return Array.isArray(value) ? value.flatMap(objectsOf) : [];
}
