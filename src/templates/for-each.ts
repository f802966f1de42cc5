import { isMapping, type Mapping } from "./document.ts";

/** A loop that cannot be unrolled. */
export class ForEachError extends Error {}

/**
 * Unrolls `Fn::ForEach::Name: [Identifier, [values], {Key: body}]` wherever it stands. `listOf` evaluates the collection where it
 * is no plain list. Source: CloudFormation User Guide, "Fn::ForEach".
 */
export function unrolled(value: unknown, listOf: (collection: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => unrolled(each, listOf));
  if (!isMapping(value)) return value;
  const result: Mapping = {};
  for (const [key, member] of Object.entries(value)) {
    if (key.startsWith("Fn::ForEach::")) Object.assign(result, turns(key, member, listOf));
    else result[key] = unrolled(member, listOf);
  }
  return result;
}

function turns(key: string, loop: unknown, listOf: (collection: unknown) => unknown): Mapping {
  const [identifier, collection, body] = Array.isArray(loop) ? loop : [];
  if (typeof identifier !== "string" || !isMapping(body)) {
    throw new ForEachError(`${key} layout is incorrect`);
  }
  const items = listOf(collection);
  if (!Array.isArray(items)) throw new ForEachError(`${key}: the collection is not a list`);
  const result: Mapping = {};
  for (const item of items.flat()) {
    const filled = replaced(body, identifier, String(item));
    Object.assign(result, unrolled(filled, listOf));
  }
  return result;
}

/** `${Identifier}` (and, in keys, `&{Identifier}` without signs that ids may not have) and `{Ref: Identifier}` become the item. */
function replaced(value: unknown, identifier: string, item: string): unknown {
  const fill = (text: string): string =>
    text.replaceAll(`\${${identifier}}`, item).replaceAll(`&{${identifier}}`, item.replace(/[^A-Za-z0-9]/g, ""));
  if (typeof value === "string") return fill(value);
  if (Array.isArray(value)) return value.map((each) => replaced(each, identifier, item));
  if (!isMapping(value)) return value;
  if (value.Ref === identifier && Object.keys(value).length === 1) return item;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [fill(key), replaced(member, identifier, item)]),
  );
}
