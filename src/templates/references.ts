import { isMapping } from "./document.ts";

/**
 * The names that a value refers to by Ref, GetAtt or Sub: logical ids, parameters and pseudo parameters alike, of both
 * branches of each If.
 */
export function namesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) {
    for (const each of value) namesIn(each, found);
    return found;
  }
  if (!isMapping(value)) return found;
  const [key, ...others] = Object.keys(value);
  const argument = key === undefined || others.length > 0 ? undefined : value[key];
  if (key === "Ref" && typeof argument === "string") found.add(argument);
  else if (key === "Fn::GetAtt") addAttribute(argument, found);
  else if (key === "Fn::Sub") addSubstituted(argument, found);
  for (const each of Object.values(value)) namesIn(each, found);
  return found;
}

function addAttribute(argument: unknown, found: Set<string>): void {
  const first =
    typeof argument === "string" ? argument.split(".")[0] : Array.isArray(argument) ? argument[0] : undefined;
  if (typeof first === "string") found.add(first);
}

function addSubstituted(argument: unknown, found: Set<string>): void {
  const [text, own] = Array.isArray(argument) ? argument : [argument, {}];
  if (typeof text !== "string") return;
  for (const [, name = ""] of text.matchAll(/\$\{([^!}][^}]*)\}/g)) {
    if (isMapping(own) && Object.hasOwn(own, name.trim())) continue;
    found.add(name.trim().split(".")[0]!);
  }
}

/**
 * Orders ids so that each comes after those it needs, else as they came. Gives the circle instead, where there is one.
 */
export function inOrderOf(
  ids: readonly string[],
  needs: (id: string) => Iterable<string>,
): { readonly order: readonly string[] } | { readonly circle: readonly string[] } {
  const known = new Set(ids);
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  const way: string[] = [];
  const visit = (id: string): readonly string[] | undefined => {
    if (state.get(id) === "done") return undefined;
    if (state.get(id) === "open") return way.slice(way.indexOf(id));
    state.set(id, "open");
    way.push(id);
    for (const needed of needs(id)) {
      if (!known.has(needed)) continue;
      const circle = visit(needed);
      if (circle !== undefined) return circle;
    }
    way.pop();
    state.set(id, "done");
    order.push(id);
    return undefined;
  };
  for (const id of ids) {
    const circle = visit(id);
    if (circle !== undefined) return { circle };
  }
  return { order };
}
