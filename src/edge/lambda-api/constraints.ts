import type { Shape } from "./model.ts";

/** What a value may be, in the words of AWS's front end; each either holds or is named in a ValidationException. */
export function brokenConstraints(shape: Shape, value: unknown): string[] {
  return constraintsOf(shape)
    .filter((constraint) => !constraint.holds(value))
    .map((constraint) => constraint.text);
}

/** All constraints of a shape: AWS lists every one of an element's when the element breaks any. */
export function allConstraints(shape: Shape): string[] {
  return constraintsOf(shape).map((constraint) => constraint.text);
}

interface Constraint {
  readonly text: string;
  readonly holds: (value: unknown) => boolean;
}

const cache = new WeakMap<Shape, readonly Constraint[]>();

/** Longer texts are not matched against patterns: none allows them, and backtracking over megabytes would stop the server. */
const patternLimit = 20_480;

function constraintsOf(shape: Shape): readonly Constraint[] {
  const known = cache.get(shape);
  if (known !== undefined) return known;
  const list: Constraint[] = [];
  const { min, max, pattern, type } = shape;
  // As Java prints a double.
  const shown = (bound: number) => (type === "double" && Number.isInteger(bound) ? `${bound}.0` : String(bound));
  const numeric = type === "integer" || type === "long" || type === "double";
  const what = numeric ? "value" : "length";
  const measure = numeric ? Number : sizeOf;
  if (max !== undefined) {
    list.push({
      text: `Member must have ${what} less than or equal to ${shown(max)}`,
      holds: (value) => measure(value) <= max,
    });
  }
  if (min !== undefined) {
    list.push({
      text: `Member must have ${what} greater than or equal to ${shown(min)}`,
      holds: (value) => measure(value) >= min,
    });
  }
  if (pattern !== undefined) {
    // Java's matches() is about the whole text; only the classes of Unicode need the u flag, under which others are illegal.
    const expression = new RegExp(`^(?:${pattern})$`, pattern.includes("\\p{") ? "u" : "");
    list.push({
      text: `Member must satisfy regular expression pattern: ${pattern}`,
      holds(value) {
        const text = String(value);
        return text.length <= patternLimit && (expression.test(text) || shape.beyondPattern?.test(text) === true);
      },
    });
  }
  if (shape.enum !== undefined) {
    const values = new Set(shape.enum);
    list.push({
      text: `Member must satisfy enum value set: [${shape.enum.join(", ")}]`,
      holds: (value) => values.has(String(value)) || shape.beyond?.has(String(value)) === true,
    });
  }
  cache.set(shape, list);
  return list;
}

function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value) || Buffer.isBuffer(value)) return value.length;
  return Object.keys(value as object).length;
}
