/** What a field or an expression is: a moment is shown as one, and counts as milliseconds. `object`: of JSON. Undefined: it is not there. */
export type Value = string | number | boolean | Date | object | undefined;

/** Longest text that an expression makes (an event's size). */
export const longest = 256 * 1024;

const numeric = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** Undefined: it is none. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" && numeric.test(value) ? Number(value) : undefined;
}

/** As results show it: `2026-11-22 10:00:00.000`, booleans as 1 and 0. Undefined: nothing. */
export function textOf(value: Value): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "1" : "0";
  if (value instanceof Date) return momentOf(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const momentOf = (at: Date): string =>
  Number.isNaN(at.getTime()) ? "" : at.toISOString().replace("T", " ").slice(0, -1);

export function isTrue(value: Value): boolean {
  if (typeof value === "string") return value !== "" && value !== "0" && value !== "false";
  return numberOf(value) !== 0 && value !== undefined && value !== null;
}

/** As numbers where both are, else as texts; what is not there comes before all else. */
export function compare(one: Value, other: Value): number {
  const [left, right] = [numberOf(one), numberOf(other)];
  if (left !== undefined && right !== undefined) return left - right;
  const [first, second] = [textOf(one), textOf(other)];
  if (first === undefined || second === undefined)
    return (first === undefined ? 0 : 1) - (second === undefined ? 0 : 1);
  return first < second ? -1 : first > second ? 1 : 0;
}

/** `true` and `false` of JSON are equal to 1 and 0, and to these words. */
export function isEqual(one: Value, other: Value): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (typeof one === "boolean" && typeof other === "string") return other === String(one) || other === textOf(one);
  if (typeof other === "boolean" && typeof one === "string") return isEqual(other, one);
  return compare(one, other) === 0;
}
