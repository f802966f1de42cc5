import { aggregates, arityOf, isFunction } from "./names.ts";
import type { Column, Command, Expression, Query } from "./query.ts";
import { createScanner, QueryError, type Scanner, type Token } from "./scanner.ts";

/** Deepest nesting of an expression: what evaluates it is recursive. */
const deepest = 300;
const mostCommands = 100;

/** AWS's commands that are not here. */
const foreign = new Set(
  "anomaly addtotals diff filterindex join lookup pattern source unmask unnest fillmissing eventstats".split(" "),
);

/** Reads a query of CloudWatch Logs Insights. Throws QueryError. Source: CloudWatch Logs User Guide, "Logs Insights language query syntax". */
export function parseQuery(text: string): Query {
  const scanner = createScanner(text);
  const commands: Command[] = [];
  for (;;) {
    // An empty command is one that was left out.
    while (scanner.take("|"));
    if (scanner.peek().kind === "end") break;
    commands.push(commandOf(scanner));
    if (commands.length > mostCommands) scanner.fail("there are too many commands");
    if (scanner.peek().kind !== "end") scanner.expect("|");
  }
  return commands;
}

function commandOf(scanner: Scanner): Command {
  const { text, from, to, kind } = scanner.next();
  const name = text.toLowerCase();
  switch (kind === "name" ? name : "") {
    case "fields":
    case "field":
    case "display":
      return { kind: name === "display" ? "display" : "fields", columns: columnsOf(scanner, false) };
    case "filter":
      return { kind: "filter", condition: expression(scanner, { stats: false, depth: 0 }) };
    case "parse":
      return parsing(scanner);
    case "stats": {
      const columns = columnsOf(scanner, true);
      return { kind: "stats", columns, by: scanner.take("by") ? columnsOf(scanner, false) : [] };
    }
    case "sort":
    case "order": {
      scanner.take("by");
      return { kind: "sort", by: listOf(scanner, () => sortKey(scanner)) };
    }
    case "limit":
    case "head":
      return { kind: "limit", most: limitOf(scanner.next()) };
    case "dedup":
      return { kind: "dedup", by: listOf(scanner, () => expression(scanner, { stats: true, depth: 0 })) };
  }
  const why = foreign.has(name) ? `Thaw has no command ${name}` : `unexpected symbol found ${text}`;
  throw new QueryError(why, from, to);
}

function limitOf({ kind, text, from, to }: Token): number {
  const most = Number(text);
  if (kind === "number" && Number.isSafeInteger(most) && most > 0 && most <= 10_000) return most;
  throw new QueryError("a limit is a whole number from 1 to 10000", from, to);
}

function listOf<T>(scanner: Scanner, one: () => T): T[] {
  const list = [one()];
  while (scanner.take(",")) list.push(one());
  return list;
}

function sortKey(scanner: Scanner) {
  // Columns of stats are named by what they were written as: `sort count(*) desc`.
  const of = expression(scanner, { stats: true, depth: 0 });
  const descending = scanner.take("desc");
  if (!descending) scanner.take("asc");
  return { of, descending };
}

function columnsOf(scanner: Scanner, stats: boolean): Column[] {
  return listOf(scanner, () => {
    const of = expression(scanner, { stats, depth: 0 });
    return { name: scanner.take("as") ? nameOf(scanner) : of.kind === "field" ? of.name : of.text, of };
  });
}

function nameOf(scanner: Scanner): string {
  const { kind, text } = scanner.peek();
  if (kind !== "name" && kind !== "string") scanner.fail("a name was expected here");
  scanner.next();
  return text;
}

/** `parse @message "user=*, took * ms" as user, took` or `parse @message /user=(?<user>\S+)/`; without a field: of the message. */
function parsing(scanner: Scanner): Command {
  const from = scanner.end();
  const message = { kind: "field", name: "@message", text: "@message" } as const;
  let pattern = scanner.regex();
  let of: Expression = message;
  if (pattern === undefined && scanner.peek().kind !== "string") {
    of = primary(scanner, { stats: false, depth: 0 });
    pattern = scanner.regex();
  }
  if (pattern !== undefined) {
    const named = [...pattern.source.matchAll(/(?<!\\)\(\?<([A-Za-z_]\w*)>/g)].map(([, name]) => name!);
    // Groups without names are named in order.
    const names = scanner.take("as") ? listOf(scanner, () => nameOf(scanner)) : named;
    if (names.length === 0) throw new QueryError("a regular expression of parse names its groups", from, scanner.end());
    return { kind: "parse", of, pattern, names: named.length > 0 ? named : names };
  }
  const { kind, text } = scanner.peek();
  if (kind !== "string") scanner.fail("parse takes a text with asterisks or a regular expression");
  scanner.next();
  scanner.expect("as");
  const names = listOf(scanner, () => nameOf(scanner));
  const parts = text.split("*");
  if (names.length !== parts.length - 1) {
    throw new QueryError(`there are ${parts.length - 1} asterisks and ${names.length} names`, from, scanner.end());
  }
  return { kind: "parse", of, pattern: globOf(parts), names };
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "\\s+");

/** Each asterisk takes as little as it can; the last one, if nothing follows, all that is left. */
function globOf(parts: readonly string[]): RegExp {
  const last = parts.length - 2;
  const takes = (index: number) => (index === last && parts.at(-1) === "" ? "([\\s\\S]*)" : "([\\s\\S]*?)");
  return new RegExp(parts.map((part, index) => quoted(part) + (index <= last ? takes(index) : "")).join(""));
}

interface Place {
  /** may there be functions of many events? */
  readonly stats: boolean;
  readonly depth: number;
}

const signs: readonly (readonly string[])[] = [["+", "-"], ["*", "/", "%"], ["^"]];
const comparisons = ["=", "!=", "<=", ">=", "<", ">"];

function expression(scanner: Scanner, place: Place): Expression {
  return joined(scanner, place, "or", (inner) => joined(scanner, inner, "and", (one) => negation(scanner, one)));
}

type Part = (place: Place) => Expression;

function joined(scanner: Scanner, { stats, depth }: Place, word: string, part: Part): Expression {
  if (depth > deepest) scanner.fail("the expression is nested too deeply");
  const from = scanner.peek().from;
  const place = { stats, depth: depth + 1 };
  let left = part(place);
  while (scanner.take(word))
    left = { kind: "binary", sign: word, left, right: part(place), text: textOf(scanner, from) };
  return left;
}

const textOf = (scanner: Scanner, from: number): string => scanner.slice(from, scanner.end());

function negation(scanner: Scanner, place: Place): Expression {
  const from = scanner.peek().from;
  if (place.depth > deepest) scanner.fail("the expression is nested too deeply");
  if (!scanner.take("not")) return comparison(scanner, place);
  const of = negation(scanner, { ...place, depth: place.depth + 1 });
  return { kind: "not", of, text: textOf(scanner, from) };
}

function comparison(scanner: Scanner, place: Place): Expression {
  const from = scanner.peek().from;
  const left = arithmetic(scanner, place, 0);
  const sign = comparisons.find((one) => scanner.take(one));
  if (sign !== undefined) {
    const right = arithmetic(scanner, place, 0);
    return { kind: "binary", sign, left, right, text: textOf(scanner, from) };
  }
  const isNegated = scanner.take("not");
  const negated = (of: Expression): Expression => (isNegated ? { kind: "not", of, text: of.text } : of);
  if (scanner.take("like") || (!isNegated && scanner.take("=~"))) {
    const pattern = scanner.regex();
    if (pattern !== undefined) return negated({ kind: "matches", of: left, pattern, text: textOf(scanner, from) });
    const part = arithmetic(scanner, place, 0);
    return negated({ kind: "contains", of: left, part, text: textOf(scanner, from) });
  }
  if (scanner.take("in")) {
    scanner.expect("[");
    const list = listOf(scanner, () => arithmetic(scanner, place, 0));
    scanner.expect("]");
    return negated({ kind: "in", of: left, list, text: textOf(scanner, from) });
  }
  return isNegated ? scanner.fail("like or in was expected here") : left;
}

function arithmetic(scanner: Scanner, place: Place, level: number): Expression {
  const own = signs[level];
  if (own === undefined) return unary(scanner, place);
  const from = scanner.peek().from;
  let left = arithmetic(scanner, place, level + 1);
  for (;;) {
    const sign = own.find((one) => scanner.take(one));
    if (sign === undefined) return left;
    const right = arithmetic(scanner, place, level + 1);
    left = { kind: "binary", sign, left, right, text: textOf(scanner, from) };
  }
}

function unary(scanner: Scanner, place: Place): Expression {
  const from = scanner.peek().from;
  if (place.depth > deepest) scanner.fail("the expression is nested too deeply");
  if (!scanner.take("-")) return primary(scanner, place);
  const of = unary(scanner, { ...place, depth: place.depth + 1 });
  return { kind: "minus", of, text: textOf(scanner, from) };
}

function primary(scanner: Scanner, place: Place): Expression {
  const { kind, text, quoted: isQuoted, from, to } = scanner.peek();
  if (scanner.take("(")) {
    const inner = expression(scanner, { ...place, depth: place.depth + 1 });
    scanner.expect(")");
    return { ...inner, text: textOf(scanner, from) };
  }
  const written = () => textOf(scanner, from);
  switch (kind) {
    case "string":
      scanner.next();
      return { kind: "literal", value: text, text: written() };
    case "number":
      scanner.next();
      return { kind: "literal", value: Number(text), text };
    case "span": {
      scanner.next();
      const [, amount = "", unit = ""] = /^(\d+)(\w+)$/.exec(text)!;
      return { kind: "span", amount: Number(amount), unit, text };
    }
    case "name":
      scanner.next();
      if (!isQuoted && scanner.peek().text === "(" && scanner.peek().kind === "sign") {
        return call(scanner, place, { text, from, to });
      }
      return { kind: "field", name: text, text: written() };
    default:
      return scanner.fail(kind === "end" ? "the query ends too early" : `unexpected symbol found ${text}`);
  }
}

function call(scanner: Scanner, place: Place, { text, from, to }: Pick<Token, "text" | "from" | "to">): Expression {
  const name = text.toLowerCase();
  if (!isFunction(name)) throw new QueryError(`there is no function ${text}`, from, to);
  if (aggregates.has(name) && !place.stats) {
    throw new QueryError(`${text} is a function of stats`, from, to);
  }
  scanner.expect("(");
  const given: Expression[] = [];
  while (!scanner.take(")")) {
    if (given.length > 0) scanner.expect(",");
    if (name === "count" && scanner.take("*")) given.push({ kind: "all", text: "*" });
    else given.push(expression(scanner, { ...place, depth: place.depth + 1 }));
  }
  const [least, most] = arityOf(name);
  if (given.length < least || given.length > most) {
    throw new QueryError(`${text} does not take ${given.length} arguments`, from, scanner.end());
  }
  return { kind: "call", name, given, text: textOf(scanner, from) };
}
