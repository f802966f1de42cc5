import { isMapping, type Mapping } from "../document.ts";

/**
 * A resource's properties under those of Globals: mappings are merged, lists are appended to the global ones, anything else is
 * replaced. An intrinsic function counts as one value.
 * Source: AWS SAM Developer Guide, "Globals section of the AWS SAM template".
 */
export function withGlobals(globals: unknown, own: Mapping): Mapping {
  return isMapping(globals) ? (merged(globals, own) as Mapping) : own;
}

function merged(global: unknown, own: unknown): unknown {
  if (Array.isArray(global) && Array.isArray(own)) return [...global, ...own];
  if (!isPlain(global) || !isPlain(own)) return own;
  const result: Mapping = { ...global };
  for (const [key, value] of Object.entries(own))
    result[key] = Object.hasOwn(global, key) ? merged(global[key], value) : value;
  return result;
}

function isPlain(value: unknown): value is Mapping {
  if (!isMapping(value)) return false;
  const keys = Object.keys(value);
  return !(keys.length === 1 && (keys[0] === "Ref" || keys[0]?.startsWith("Fn::")));
}
