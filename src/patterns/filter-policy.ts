import { isLeaf } from "./matchers.ts";
import { parsedObject } from "./pattern.ts";
import { alternativesOf, fitsBranch, isObject, PatternError } from "./tree.ts";

export type FilterPolicyScope = "MessageAttributes" | "MessageBody";

/** A message of SNS, as far as filter policies look. */
export interface PolicyMessage {
  readonly body: string;
  /** by name; `value` of a Binary one is undefined */
  readonly attributes: Readonly<Record<string, { readonly type: string; readonly value: string | undefined }>>;
}

/** Source: SNS Developer Guide, "Filter policy constraints". */
const limits = { keys: 5, combinations: 150 } as const;

/**
 * Compiles a filter policy of an SNS subscription. Throws PatternError; SNS says `Invalid parameter: FilterPolicy: ` before
 * its message.
 */
export function compileFilterPolicy(text: string, scope: FilterPolicyScope): (message: PolicyMessage) => boolean {
  const policy = parsedObject(text);
  checkSize(policy, scope);
  const alternatives = alternativesOf(policy);
  const fits = (event: unknown) => alternatives.some((branch) => fitsBranch(branch, event));
  if (scope === "MessageAttributes") return ({ attributes }) => fits(eventOf(attributes));
  return ({ body }) => {
    const parsed = parsedOrUndefined(body);
    return isObject(parsed) && fits(parsed);
  };
}

/** Attributes as the values that a policy sees: numbers, elements of String.Array, texts. */
function eventOf(attributes: PolicyMessage["attributes"]): Record<string, unknown> {
  const event: Record<string, unknown> = Object.create(null);
  for (const [name, { type, value }] of Object.entries(attributes)) {
    if (value !== undefined) event[name] = valueIn(type, value);
  }
  return event;
}

function valueIn(type: string, value: string): unknown {
  if (type === "Number" || type.startsWith("Number.")) return Number(value);
  if (type !== "String.Array") return value;
  const parsed = parsedOrUndefined(value);
  return Array.isArray(parsed) && parsed.every(isLeaf) ? parsed : value;
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A list of a field counts as many times as it is deep; all fields are multiplied. */
function checkSize(policy: Readonly<Record<string, unknown>>, scope: FilterPolicyScope): void {
  const lists = listsOf(policy, 1);
  if (scope === "MessageAttributes" && lists.some(({ depth }) => depth > 1)) {
    throw new PatternError("Filter policy scope MessageAttributes does not support nested filter policy");
  }
  if (lists.length > limits.keys) throw new PatternError(`Filter policy can not have more than ${limits.keys} keys`);
  const combinations = lists.reduce((all, { length, depth }) => all * length * depth, 1);
  if (combinations > limits.combinations) throw new PatternError("Filter policy is too complex");
}

function listsOf(policy: Readonly<Record<string, unknown>>, depth: number): { length: number; depth: number }[] {
  return Object.entries(policy).flatMap(([name, value]) => {
    if (name === "$or" && Array.isArray(value)) {
      return value.filter(isObject).flatMap((alternative) => listsOf(alternative, depth));
    }
    if (isObject(value)) return listsOf(value, depth + 1);
    return Array.isArray(value) ? [{ length: value.length, depth }] : [];
  });
}
