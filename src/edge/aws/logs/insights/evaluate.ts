import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { memberOf } from "./event-fields.ts";
import type { Expression } from "./query.ts";
import { compare, isEqual, isTrue, longest, numberOf, textOf, type Value } from "./values.ts";

/** What an expression is about. */
export interface Row {
  get(name: string): Value;
  /** of a group of events: what a function of stats gives */
  aggregate?(call: Expression): Value;
}

/** One clock for a whole query. */
export interface Moment {
  readonly now: number;
}

/** What an expression is of one row. Undefined: a field that it needs is not there, or is nothing to reckon with. */
export function evaluate(expression: Expression, row: Row, moment: Moment): Value {
  const inner = (one: Expression): Value => evaluate(one, row, moment);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "span":
      return expression.text;
    case "all":
      return undefined;
    case "field":
      return fieldOf(expression.name, row);
    case "not":
      return !isTrue(inner(expression.of));
    case "minus": {
      const number = numberOf(inner(expression.of));
      return number === undefined ? undefined : -number;
    }
    case "matches": {
      const text = textOf(inner(expression.of));
      return text !== undefined && expression.pattern.test(text);
    }
    case "contains": {
      const [text, part] = [textOf(inner(expression.of)), textOf(inner(expression.part))];
      return text !== undefined && part !== undefined && text.includes(part);
    }
    case "in": {
      const value = inner(expression.of);
      return value !== undefined && expression.list.some((one) => isEqual(value, inner(one)));
    }
    case "binary":
      return binary(expression.sign, expression.left, expression.right, inner);
    case "call":
      return row.aggregate?.(expression) ?? called(expression, inner, row, moment);
  }
}

/** `jsonParse(@message) as m` makes `m.a.b` a field, too. */
function fieldOf(name: string, row: Row): Value {
  const value = row.get(name);
  if (value !== undefined) return value;
  for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const found = memberOf(row.get(name.slice(0, dot)), name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  if (name === "true" || name === "false") return name === "true";
  return undefined;
}

function binary(sign: string, one: Expression, other: Expression, inner: (one: Expression) => Value): Value {
  if (sign === "and") return isTrue(inner(one)) && isTrue(inner(other));
  if (sign === "or") return isTrue(inner(one)) || isTrue(inner(other));
  const [left, right] = [inner(one), inner(other)];
  if (sign === "=") return left !== undefined && isEqual(left, right);
  if (sign === "!=") return !isEqual(left, right);
  if (/^[<>]/.test(sign)) {
    if (left === undefined || right === undefined) return false;
    const order = compare(left, right);
    if (sign === "<") return order < 0;
    if (sign === "<=") return order <= 0;
    return sign === ">" ? order > 0 : order >= 0;
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined) return undefined;
  const result = { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "%": a % b, "^": a ** b }[sign];
  return Number.isFinite(result) ? result : undefined;
}

type Call = Extract<Expression, { kind: "call" }>;
type Inner = (one: Expression) => Value;

function called(call: Call, inner: Inner, row: Row, moment: Moment): Value {
  const { name, given } = call;
  const value = (index: number): Value => (given[index] === undefined ? undefined : inner(given[index]));
  if (Object.hasOwn(ofNumber, name)) {
    const number = numberOf(value(0));
    const result = number === undefined ? Number.NaN : ofNumber[name]!(number);
    return Number.isFinite(result) ? result : undefined;
  }
  if (Object.hasOwn(ofText, name)) {
    const text = textOf(value(0));
    return text === undefined ? undefined : ofText[name]!(text, textOf(value(1)), textOf(value(2)));
  }
  switch (name) {
    case "bin":
      return floored(row.get("@timestamp"), given[0], Math.floor);
    case "datefloor":
      return floored(value(0), given[1], Math.floor);
    case "dateceil":
      return floored(value(0), given[1], Math.ceil);
    case "frommillis": {
      const at = numberOf(value(0));
      return at === undefined || Math.abs(at) > 8.64e15 ? undefined : new Date(at);
    }
    case "tomillis":
      return numberOf(value(0));
    case "now":
      return Math.floor(moment.now / 1000);
    case "greatest":
    case "least": {
      const sorted = given
        .map(inner)
        .filter((one) => one !== undefined)
        .sort(compare);
      return sorted.at(name === "least" ? 0 : -1);
    }
    case "ispresent":
      return value(0) !== undefined;
    case "coalesce":
      return given.map(inner).find((one) => one !== undefined);
    case "isempty":
      return (textOf(value(0)) ?? "") === "";
    case "isblank":
      return (textOf(value(0)) ?? "").trim() === "";
    case "concat": {
      const text = given.map((one) => textOf(inner(one)) ?? "").join("");
      return text.slice(0, longest);
    }
    case "jsonparse": {
      try {
        return (JSON.parse(textOf(value(0)) ?? "") ?? undefined) as Value;
      } catch {
        return undefined;
      }
    }
    case "jsonstringify": {
      const of = value(0);
      return of === undefined ? undefined : JSON.stringify(of)?.slice(0, longest);
    }
  }
  return undefined;
}

const ofNumber: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  log: Math.log,
  sqrt: Math.sqrt,
};

const ofText: Readonly<Record<string, (text: string, second?: string, third?: string) => Value>> = {
  isvalidip: (text) => isIP(text) !== 0,
  isvalidipv4: (text) => isIPv4(text),
  isvalidipv6: (text) => isIPv6(text),
  isipinsubnet: (text, subnet) => isInSubnet(text, subnet),
  isipv4insubnet: (text, subnet) => isIPv4(text) && isInSubnet(text, subnet),
  isipv6insubnet: (text, subnet) => isIPv6(text) && isInSubnet(text, subnet),
  strlen: (text) => [...text].length,
  toupper: (text) => text.toUpperCase(),
  tolower: (text) => text.toLowerCase(),
  strcontains: (text, part = "") => (text.includes(part) ? 1 : 0),
  substr: (text, from = "0", length) => {
    const start = Math.max(0, Number(from));
    return text.slice(start, length === undefined ? undefined : start + Math.max(0, Number(length)));
  },
  replace: (text, what = "", by = "") => (what === "" ? text : text.replaceAll(what, () => by).slice(0, longest)),
  trim: (text, of) => trimmed(trimmed(text, of, "start"), of, "end"),
  ltrim: (text, of) => trimmed(text, of, "start"),
  rtrim: (text, of) => trimmed(text, of, "end"),
};

/** Takes white space off, or all characters of a text. */
function trimmed(text: string, of: string | undefined, side: "start" | "end"): string {
  if (of === undefined) return side === "start" ? text.trimStart() : text.trimEnd();
  let [from, to] = [0, text.length];
  if (side === "start") while (from < to && of.includes(text[from]!)) from += 1;
  else while (to > from && of.includes(text[to - 1]!)) to -= 1;
  return text.slice(from, to);
}

function isInSubnet(address: string, subnet = ""): boolean {
  const [network = "", bits = ""] = subnet.split("/");
  const family = isIP(network) === 6 ? "ipv6" : "ipv4";
  if (isIP(network) === 0 || isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === "ipv4" ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 7 * 86_400e3 };

/** A moment at the beginning or end of its period: of an hour, a day, a month … in UTC. */
function floored(value: Value, period: Expression | undefined, round: (value: number) => number): Value {
  const at = numberOf(value);
  if (at === undefined || period === undefined) return undefined;
  const [amount, unit] =
    period.kind === "span" ? [period.amount, period.unit] : [Number(textOf(literal(period))), "ms"];
  if (!(amount > 0)) return undefined;
  const months = { mo: 1, q: 3, y: 12 }[unit];
  if (months === undefined) {
    const length = amount * (units[unit] ?? 1);
    return new Date(round(at / length) * length);
  }
  const date = new Date(at);
  const index = date.getUTCFullYear() * 12 + date.getUTCMonth();
  const start = Math.floor(index / (months * amount)) * months * amount;
  const begin = Date.UTC(Math.floor(start / 12), start % 12);
  if (round === Math.floor || begin === at) return new Date(begin);
  const end = start + months * amount;
  return new Date(Date.UTC(Math.floor(end / 12), end % 12));
}

const literal = (expression: Expression): Value => (expression.kind === "literal" ? expression.value : undefined);
