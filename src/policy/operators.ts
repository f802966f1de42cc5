import { BlockList, isIP } from "node:net";
import { matches } from "./glob.ts";
import { expand, expandText, type Lookup } from "./variables.ts";

/** Does a request's value meet a document's, which may have variables and, for some operators, wildcards? */
export type Comparison = (value: string, pattern: string, variables: boolean, lookup: Lookup) => boolean;

export interface Operator {
  readonly compare: Comparison;
  /** holds when no value meets the pattern, and for requests without the key */
  readonly negated: boolean;
}

const text =
  (same: (value: string, wanted: string) => boolean): Comparison =>
  (value, pattern, variables, lookup) => {
    const wanted = expandText(pattern, variables, lookup);
    return wanted !== undefined && same(value, wanted);
  };

const equal = text((value, wanted) => value === wanted);
const equalIgnoringCase = text((value, wanted) => value.toLowerCase() === wanted.toLowerCase());
const bool = text((value, wanted) => value.toLowerCase() === wanted.toLowerCase());

const like: Comparison = (value, pattern, variables, lookup) => {
  const glob = expand(pattern, variables, lookup);
  return glob !== undefined && matches(glob, value);
};

/** ArnEquals and ArnLike are one: each of the six parts is matched by itself, so that no star crosses a colon of the first five. */
const arn: Comparison = (value, pattern, variables, lookup) => {
  if (pattern === "*") return true;
  const wanted = arnParts(pattern, variables);
  const given = arnParts(value, false);
  if (wanted === undefined || given === undefined) return false;
  return wanted.every((part, index) => {
    const glob = expand(part, variables, lookup);
    return glob !== undefined && matches(glob, given[index]!);
  });
};

/** The six parts of an ARN; colons within `${aws:…}` separate nothing. */
function arnParts(arnText: string, variables: boolean): readonly string[] | undefined {
  const parts: string[] = [""];
  let variable = false;
  for (const [index, character] of [...arnText].entries()) {
    if (variables && character === "$" && arnText[index + 1] === "{") variable = true;
    if (character === "}") variable = false;
    if (character === ":" && !variable && parts.length < 6) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.length === 6 ? parts : undefined;
}

const numeric =
  (meets: (value: number, wanted: number) => boolean): Comparison =>
  (value, pattern) => {
    const [given, wanted] = [Number(value), Number(pattern)];
    return value.trim() !== "" && !Number.isNaN(given) && !Number.isNaN(wanted) && meets(given, wanted);
  };

/** Dates are ISO 8601 or seconds since 1970. */
const date =
  (meets: (value: number, wanted: number) => boolean): Comparison =>
  (value, pattern) => {
    const [given, wanted] = [instant(value), instant(pattern)];
    return !Number.isNaN(given) && !Number.isNaN(wanted) && meets(given, wanted);
  };

/** Milliseconds; NaN for what is no date. */
export function instant(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) && value.length > 4 ? Number(value) * 1000 : Date.parse(value);
}

const address: Comparison = (value, pattern) => {
  const list = rangeOf(pattern);
  const family = isIP(value);
  return list !== undefined && family !== 0 && list.check(value, family === 6 ? "ipv6" : "ipv4");
};

/** `203.0.113.0/24`, `2001:db8::/32` or a single address; undefined for what is neither. */
export function rangeOf(pattern: string): BlockList | undefined {
  const [network = "", bits] = pattern.split("/");
  const family = isIP(network);
  const width = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? width : Number(bits);
  if (family === 0 || !/^\d*$/.test(bits ?? "") || bits === "" || prefix > width) return undefined;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 6 ? "ipv6" : "ipv4");
  return list;
}

const holds = (compare: Comparison): Operator => ({ compare, negated: false });
const fails = (compare: Comparison): Operator => ({ compare, negated: true });

/** Every operator but Null, which asks for the key and not for its value. */
export const operators: Readonly<Record<string, Operator>> = Object.freeze({
  __proto__: null as never,
  StringEquals: holds(equal),
  StringNotEquals: fails(equal),
  StringEqualsIgnoreCase: holds(equalIgnoringCase),
  StringNotEqualsIgnoreCase: fails(equalIgnoringCase),
  StringLike: holds(like),
  StringNotLike: fails(like),
  NumericEquals: holds(numeric((value, wanted) => value === wanted)),
  NumericNotEquals: fails(numeric((value, wanted) => value === wanted)),
  NumericLessThan: holds(numeric((value, wanted) => value < wanted)),
  NumericLessThanEquals: holds(numeric((value, wanted) => value <= wanted)),
  NumericGreaterThan: holds(numeric((value, wanted) => value > wanted)),
  NumericGreaterThanEquals: holds(numeric((value, wanted) => value >= wanted)),
  DateEquals: holds(date((value, wanted) => value === wanted)),
  DateNotEquals: fails(date((value, wanted) => value === wanted)),
  DateLessThan: holds(date((value, wanted) => value < wanted)),
  DateLessThanEquals: holds(date((value, wanted) => value <= wanted)),
  DateGreaterThan: holds(date((value, wanted) => value > wanted)),
  DateGreaterThanEquals: holds(date((value, wanted) => value >= wanted)),
  Bool: holds(bool),
  BinaryEquals: holds(equal),
  IpAddress: holds(address),
  NotIpAddress: fails(address),
  ArnEquals: holds(arn),
  ArnLike: holds(arn),
  ArnNotEquals: fails(arn),
  ArnNotLike: fails(arn),
});
