/** Does a message match, and if so, what was found in it? (undefined: no match) */
export type Pattern = (message: string) => Readonly<Record<string, string>> | undefined;

export class InvalidPattern extends Error {
  override readonly name = "InvalidPattern";
}

/** What a field is compared with: `= 5*`, `!= "x"`, `> 3`, `= %regex%`. */
export type Test = (value: unknown) => boolean;

const numeric = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A comparison with a literal as it was written. Throws InvalidPattern. */
export function testOf(operator: string, literal: string): Test {
  if (operator === "=" || operator === "!=") {
    const equal = equality(literal);
    return operator === "=" ? equal : (value) => !equal(value);
  }
  if (!numeric.test(literal)) throw new InvalidPattern(`${operator} compares with a number, not with ${literal}`);
  const bound = Number(literal);
  return (value) => {
    const number = numberOf(value);
    if (number === undefined) return false;
    if (operator === ">") return number > bound;
    if (operator === ">=") return number >= bound;
    return operator === "<" ? number < bound : number <= bound;
  };
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && numeric.test(value) ? Number(value) : undefined;
}

function equality(literal: string): Test {
  if (literal.length > 1 && literal.startsWith("%") && literal.endsWith("%")) {
    const regex = regexOf(literal.slice(1, -1));
    return (value) => isScalar(value) && regex.test(String(value));
  }
  const quoted = literal.startsWith('"');
  const text = quoted ? unquoted(literal) : literal;
  if (!quoted && numeric.test(literal)) {
    const number = Number(literal);
    return (value) => numberOf(value) === number;
  }
  const parts = text.split("*");
  return (value) => isScalar(value) && matchesParts(String(value), parts);
}

const isScalar = (value: unknown): boolean => value !== undefined && value !== null && typeof value !== "object";

/** `a*b*c`, in time proportional to the text. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0]!;
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  const last = parts.at(-1)!;
  return text.length - last.length >= at && text.endsWith(last);
}

/** Takes the quotes off, and the backslashes before quotes and backslashes. Throws InvalidPattern. */
export function unquoted(literal: string): string {
  if (literal.length < 2 || !literal.endsWith('"')) throw new InvalidPattern(`${literal} has no closing quote`);
  return literal.slice(1, -1).replace(/\\(["\\])/g, "$1");
}

/**
 * The subset of regular expressions that CloudWatch Logs has: characters, classes, `.`, `^`, `$`, `?`, `*`, `+`, `|`, `{}`.
 * Groups are not among them, so none can nest repetitions and none can take exponential time. Throws InvalidPattern.
 */
export function regexOf(source: string): RegExp {
  if (source.length > 200 || /(?<!\\)[()]/.test(source) || /\\[1-9kpPuxcbB]/.test(source)) {
    throw new InvalidPattern(`%${source}% is not a supported regular expression`);
  }
  if ((source.match(/(?<!\\)[*+{]/g) ?? []).length > 4) {
    throw new InvalidPattern(`%${source}% has too many repetitions`);
  }
  try {
    return new RegExp(source);
  } catch {
    throw new InvalidPattern(`%${source}% is not a regular expression`);
  }
}
