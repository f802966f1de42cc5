import { alternativesOf, fitsBranch, isObject, PatternError } from "./tree.ts";

/** Tells whether an event, as parsed JSON, fits. */
export type Pattern = (event: unknown) => boolean;

/**
 * Compiles an event pattern: of EventBridge's rules, and of FilterCriteria of event source mappings. `{}` fits every object.
 * Throws PatternError, whose message names the field.
 */
export function compilePattern(text: string): Pattern {
  const alternatives = alternativesOf(parsedObject(text));
  return (event) =>
    (isObject(event) || Array.isArray(event)) && alternatives.some((branch) => fitsBranch(branch, event));
}

/** Throws PatternError. */
export function parsedObject(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new PatternError(`Filter is not valid JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw new PatternError("Filter is not an object");
  return parsed;
}
