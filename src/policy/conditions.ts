import { type Comparison, operators } from "./operators.ts";
import type { Condition } from "./statement.ts";
import type { Lookup } from "./variables.ts";

/**
 * Does a line of a Condition element hold for a request?
 * Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "… with multiple context keys or values".
 */
export function holds(condition: Condition, variables: boolean, lookup: Lookup): boolean {
  const present = lookup(condition.key);
  const given = present === undefined || present.length === 0 ? undefined : present;
  if (condition.operator === "Null") {
    return condition.values.some((value) => (value.toLowerCase() === "true") === (given === undefined));
  }
  const operator = operators[condition.operator];
  // A document is checked when it is read; a statement made otherwise must not open a door.
  if (operator === undefined) return false;
  const { compare, negated } = operator;
  if (given === undefined) {
    if (condition.ifExists || condition.quantifier === "ForAllValues") return true;
    return condition.quantifier === "ForAnyValue" ? false : negated;
  }
  const one = (value: string) => meets(compare, negated, condition.values, value, variables, lookup);
  return condition.quantifier === "ForAllValues" || (negated && condition.quantifier === undefined)
    ? given.every(one)
    : given.some(one);
}

/** One value of the request against all of the document's: any of them, or for a negated operator none. */
function meets(
  compare: Comparison,
  negated: boolean,
  wanted: readonly string[],
  value: string,
  variables: boolean,
  lookup: Lookup,
): boolean {
  const any = wanted.some((pattern) => compare(value, pattern, variables, lookup));
  return negated ? !any : any;
}
