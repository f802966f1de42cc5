import { BlockList, isIP } from "node:net";
import { wildcard } from "./wildcard.ts";

/** A value of JSON that is neither object nor list. */
export type Leaf = string | number | boolean | null;

/** Does one value of the event fit? `absent`: also (or only) when the event has no such field. */
export interface Matcher {
  readonly absent?: true;
  fits(value: Leaf): boolean;
}

/** Why a matcher is none; tree.ts adds where it stands. */
export class MatcherError extends Error {}

const wrong = (message: string) => new MatcherError(message);

const ofText = (fits: (text: string) => boolean): Matcher => ({
  fits: (value) => typeof value === "string" && fits(value),
});

/** Source: EventBridge User Guide, "Comparison operators for use in event patterns"; SNS Developer Guide, "Filter policy operators". */
const makers: Readonly<Record<string, (operand: unknown) => Matcher>> = {
  prefix: (operand) => affix("prefix", operand),
  suffix: (operand) => affix("suffix", operand),
  "equals-ignore-case": ignoringCase,
  wildcard: (operand) => ofText(wildcardOf(operand)),
  exists(operand) {
    if (typeof operand !== "boolean") throw wrong("exists match pattern must be either true or false.");
    return operand ? { fits: () => true } : { absent: true, fits: () => false };
  },
  numeric,
  cidr,
  "anything-but": anythingBut,
};

/** Names that a matcher begins with: an alternative of `$or` that has one of them as a field is none. */
export const matcherNames: ReadonlySet<string> = new Set(Object.keys(makers));

/** One element of a pattern's list. Throws MatcherError. */
export function matcherOf(element: unknown): Matcher {
  if (isLeaf(element)) return { fits: (value) => value === element };
  if (Array.isArray(element)) throw wrong("Match value must be String, number, true, false, or null");
  const { name, operand } = only(element as object);
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (make === undefined) throw wrong(`Unrecognized match type ${name}`);
  return make(operand);
}

export function isLeaf(value: unknown): value is Leaf {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function only(expression: object): { name: string; operand: unknown } {
  const entries = Object.entries(expression);
  if (entries.length !== 1) throw wrong("Only one key allowed in match expression");
  const [name, operand] = entries[0]!;
  return { name, operand };
}

function textOf(name: string, operand: unknown): string {
  if (typeof operand !== "string") throw wrong(`${name} match pattern must be a string`);
  return operand;
}

/** `{"prefix": "a"}` or `{"prefix": {"equals-ignore-case": "a"}}` */
function affix(name: "prefix" | "suffix", operand: unknown): Matcher {
  const test = (text: string, part: string) => (name === "prefix" ? text.startsWith(part) : text.endsWith(part));
  const [part, folded] = affixOf(name, operand);
  return ofText(folded ? (text) => test(text.toLowerCase(), part) : (text) => test(text, part));
}

function affixOf(name: string, operand: unknown): [part: string, folded: boolean] {
  const inner = typeof operand === "object" && operand !== null ? only(operand) : undefined;
  if (inner !== undefined && inner.name !== "equals-ignore-case")
    throw wrong(`Unsupported anything-but pattern: ${inner.name}`);
  const text = textOf(name, inner === undefined ? operand : inner.operand);
  if (text === "") throw wrong("Null prefix/suffix not allowed");
  return inner === undefined ? [text, false] : [text.toLowerCase(), true];
}

function ignoringCase(operand: unknown): Matcher {
  const wanted = textOf("equals-ignore-case", operand).toLowerCase();
  return ofText((text) => text.toLowerCase() === wanted);
}

function wildcardOf(operand: unknown): (text: string) => boolean {
  const pattern = textOf("wildcard", operand);
  if (pattern === "") throw wrong("wildcard match pattern must not be empty");
  return wildcard(pattern, wrong);
}

const comparisons: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  "=": (value, limit) => value === limit,
  "<": (value, limit) => value < limit,
  "<=": (value, limit) => value <= limit,
  ">": (value, limit) => value > limit,
  ">=": (value, limit) => value >= limit,
};

/** `["=", 5]` or `[">", 0, "<=", 100]` */
function numeric(operand: unknown): Matcher {
  if (!Array.isArray(operand) || operand.length === 0) throw wrong("Value of numeric must be an array.");
  const [sign, low, otherSign, high] = operand;
  const first = comparison(sign, low);
  if (operand.length === 2) return { fits: (value) => typeof value === "number" && first(value) };
  if (operand.length > 4) throw wrong("Too many elements in numeric expression");
  if (sign !== ">" && sign !== ">=") throw wrong("Too many elements in numeric expression");
  if (otherSign !== "<" && otherSign !== "<=") throw wrong(`Bad numeric range operator: ${otherSign}`);
  const second = comparison(otherSign, high);
  if (low >= high) throw wrong("Bottom must be less than top");
  return { fits: (value) => typeof value === "number" && first(value) && second(value) };
}

function comparison(sign: unknown, limit: unknown): (value: number) => boolean {
  const compare = typeof sign === "string" && Object.hasOwn(comparisons, sign) ? comparisons[sign] : undefined;
  if (compare === undefined) throw wrong(`Unrecognized numeric range operator: ${sign}`);
  if (typeof limit !== "number") throw wrong(`Value of ${sign} must be numeric`);
  return (value) => compare(value, limit);
}

/** `"10.0.0.0/24"`, or of IPv6 */
function cidr(operand: unknown): Matcher {
  const [address = "", bits = "", ...more] = textOf("cidr", operand).split("/");
  if (bits === "" || more.length > 0) throw wrong("Malformed CIDR, one '/' required");
  const family = isIP(address);
  if (family === 0) throw wrong("Nonstandard IP address: ".concat(address));
  const most = family === 4 ? 32 : 128;
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (!(length <= most)) throw wrong("Malformed CIDR, mask bits must be an integer");
  const list = new BlockList();
  list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  return ofText((text) => isIP(text) === family && list.check(text, family === 4 ? "ipv4" : "ipv6"));
}

/** Everything but: a value, one of a list, or what another matcher of texts (or one of its list) fits. */
function anythingBut(operand: unknown): Matcher {
  if (Array.isArray(operand)) return butList(operand);
  if (isLeaf(operand)) return butList([operand]);
  const { name, operand: inner } = only(operand as object);
  if (!["prefix", "suffix", "equals-ignore-case", "wildcard"].includes(name)) {
    throw wrong(`Unsupported anything-but pattern: ${name}`);
  }
  const operands = Array.isArray(inner) ? inner : [inner];
  if (operands.length === 0) throw wrong("Empty arrays are not allowed");
  const excluded = operands.map((one) => makers[name]!(one));
  return { fits: (value) => !excluded.some((matcher) => matcher.fits(value)) };
}

function butList(values: readonly unknown[]): Matcher {
  if (values.length === 0) throw wrong("Empty arrays are not allowed");
  const kinds = new Set(values.map((value) => typeof value));
  if (!values.every((value) => typeof value === "string" || typeof value === "number" || typeof value === "boolean")) {
    throw wrong("Inside anything but list, start|null|boolean is not supported.");
  }
  if (kinds.size > 1) {
    throw wrong("Inside anything but list, either all values are number or string, mixed type is not supported");
  }
  const excluded: ReadonlySet<unknown> = new Set(values);
  return { fits: (value) => !excluded.has(value) };
}
