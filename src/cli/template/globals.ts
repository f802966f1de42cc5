import { isMapping, type Mapping, type Positions } from "../../templates/index.ts";

/**
 * A function's properties under those of Globals.Function: mappings are merged, lists are appended to the global ones,
 * anything else is replaced. An intrinsic function counts as one value.
 * Source: AWS SAM Developer Guide, "Globals section of the AWS SAM template".
 */
export function withGlobals(globals: unknown, own: Mapping, positions: Positions): Mapping {
  if (!isMapping(globals)) return own;
  return merge(globals, own, positions) as Mapping;
}

function merge(global: unknown, own: unknown, positions: Positions): unknown {
  if (Array.isArray(global) && Array.isArray(own)) {
    const list = [...global, ...own];
    for (const [index] of list.entries()) {
      const from = index < global.length ? global : own;
      const at = index < global.length ? index : index - global.length;
      copyPlace(list, index, from, at, positions);
    }
    return list;
  }
  if (!isPlain(global) || !isPlain(own)) return own;
  const result: Mapping = {};
  positions.inherit(result, global);
  for (const [key, value] of Object.entries(global)) {
    result[key] = Object.hasOwn(own, key) ? merge(value, own[key], positions) : value;
  }
  for (const [key, value] of Object.entries(own)) if (!Object.hasOwn(result, key)) result[key] = value;
  positions.inherit(result, own);
  return result;
}

function copyPlace(list: unknown[], index: number, from: unknown[], at: number, positions: Positions): void {
  const line = positions.line(from, at);
  if (line !== undefined) positions.place(list, index, line);
}

function isPlain(value: unknown): value is Mapping {
  if (!isMapping(value)) return false;
  const keys = Object.keys(value);
  return !(keys.length === 1 && (keys[0] === "Ref" || keys[0]?.startsWith("Fn::")));
}
