import type { SegmentDocument } from "../../../traces/index.ts";
import { everyPart, invalid, type Trace } from "./context.ts";

/** Does a trace fit? */
export type TraceFilter = (trace: Trace) => boolean;
type PartFilter = (parts: readonly SegmentDocument[], trace: Trace) => boolean;

const deepest = 50;

/**
 * X-Ray's filter expressions: `service("orders") { fault } AND responsetime > 0.5 AND annotation[user] = "ada"`. Without
 * service() they are about the whole trace. Throws InvalidRequestException. Source: X-Ray Developer Guide, "Using filter expressions".
 */
export function parseFilter(text: string): TraceFilter {
  const tokens = tokensOf(text);
  if (tokens.length === 0) return () => true;
  let at = 0;
  const fail = (): never => {
    throw invalid(`Invalid filter expression: ${tokens[at] ?? "it ends too early"}`);
  };
  const take = (...words: readonly string[]): boolean => {
    const found = words.includes((tokens[at] ?? "").toLowerCase());
    if (found) at += 1;
    return found;
  };
  const expect = (word: string): void => {
    if (!take(word)) fail();
  };
  const next = (): string => tokens[at++] ?? fail();

  function alternatives(depth: number): PartFilter {
    const all = [conjunction(depth)];
    while (take("or", "||")) all.push(conjunction(depth));
    return (parts, trace) => all.some((one) => one(parts, trace));
  }
  function conjunction(depth: number): PartFilter {
    const all = [single(depth)];
    while (take("and", "&&")) all.push(single(depth));
    return (parts, trace) => all.every((one) => one(parts, trace));
  }
  function single(depth: number): PartFilter {
    if (depth > deepest) throw invalid("Invalid filter expression: it is nested too deeply");
    if (take("!", "not")) {
      const inner = single(depth + 1);
      return (parts, trace) => !inner(parts, trace);
    }
    if (take("(")) {
      const inner = alternatives(depth + 1);
      expect(")");
      return inner;
    }
    const word = next().toLowerCase();
    if (word === "service") return ofService(depth);
    if (word === "annotation") return ofAnnotation();
    if (Object.hasOwn(flags, word)) return flagged(flags[word]!);
    if (Object.hasOwn(values, word)) return compared(values[word]!);
    at -= 1;
    return fail();
  }

  /** `service("name") { … }`, `service(id(name: "n", type: "t"))` */
  function ofService(depth: number): PartFilter {
    let [name, type]: (string | undefined)[] = [];
    expect("(");
    if (take("id")) {
      expect("(");
      do {
        const key = next().toLowerCase();
        expect(":");
        const value = unquoted(next());
        if (key === "name") name = value;
        else if (key === "type") type = value;
        else if (key !== "account.id") fail();
      } while (take(","));
      expect(")");
    } else if (tokens[at] !== ")") name = unquoted(next());
    expect(")");
    let inner: PartFilter = () => true;
    if (take("{")) {
      inner = alternatives(depth + 1);
      expect("}");
    }
    const isIt = (one: SegmentDocument) =>
      (name === undefined || one.name === name) && (type === undefined || (one.origin ?? one.namespace) === type);
    return (_, trace) =>
      trace.segments.some((segment) =>
        [...everyPart(segment)].some(
          (one) => (one === segment || one.namespace !== undefined) && isIt(one) && inner([...everyPart(one)], trace),
        ),
      );
  }

  /** `annotation[key] = "value"`, `annotation.key > 5`, or that it is there */
  function ofAnnotation(): PartFilter {
    const isBracket = take("[");
    if (!isBracket) expect(".");
    const key = next();
    if (isBracket) expect("]");
    return compared((parts) => parts.flatMap(({ annotations }) => annotations?.[unquoted(key)] ?? []));
  }

  function flagged(test: (parts: readonly SegmentDocument[]) => boolean): PartFilter {
    if (!take("=", "!=")) return test;
    const isEqual = tokens[at - 1] === "=";
    const wanted = next().toLowerCase() === "true";
    return (parts) => test(parts) === (wanted === isEqual);
  }

  function compared(read: (parts: readonly SegmentDocument[], trace: Trace) => readonly unknown[]): PartFilter {
    const operator = (tokens[at] ?? "").toLowerCase();
    if (!Object.hasOwn(operators, operator)) return (parts, trace) => read(parts, trace).length > 0;
    at += 1;
    const literal = unquoted(next());
    const test = operators[operator]!;
    return (parts, trace) => read(parts, trace).some((value) => test(value, literal));
  }

  const filter = alternatives(0);
  if (at < tokens.length) fail();
  return (trace) =>
    filter(
      trace.segments.flatMap((one) => [...everyPart(one)]),
      trace,
    );
}

function tokensOf(text: string): string[] {
  const token = /\s*("(?:[^"\\]|\\.)*"|!=|<=|>=|&&|\|\||[(){}[\]:,!=<>]|[\w$%*+/.-]+)/y;
  const found: string[] = [];
  const whole = text.trim();
  while (token.lastIndex < whole.length) {
    const at = token.lastIndex;
    const match = token.exec(whole);
    if (match === null) throw invalid(`Invalid filter expression: ${whole.slice(at, at + 40)}`);
    const word = match[1]!;
    // `annotation.key`
    const [, annotation] = /^annotation\.(.+)$/i.exec(word) ?? [];
    if (annotation === undefined) found.push(word);
    else found.push("annotation", ".", annotation);
  }
  return found;
}

const unquoted = (text: string): string => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text);

const some = (test: (one: SegmentDocument) => boolean | undefined) => (parts: readonly SegmentDocument[]) =>
  parts.some((one) => test(one) === true);

const flags: Readonly<Record<string, (parts: readonly SegmentDocument[]) => boolean>> = {
  ok: (parts) => !parts.some(({ error, fault, throttle }) => error || fault || throttle),
  error: some(({ error }) => error),
  fault: some(({ fault }) => fault),
  throttle: some(({ throttle }) => throttle),
  partial: some(({ in_progress }) => in_progress),
};

const took = ({ start_time, end_time = start_time }: SegmentDocument): number => end_time - start_time;
const request = (name: string) => (parts: readonly SegmentDocument[]) =>
  parts.flatMap(({ http }) => (http?.request?.[name] as string | undefined) ?? []);
const exceptions = (name: "type" | "message") => (parts: readonly SegmentDocument[]) =>
  parts.flatMap(({ cause }) => {
    const list = (cause as { exceptions?: Readonly<Record<string, unknown>>[] } | undefined)?.exceptions;
    return Array.isArray(list) ? list.map((one) => one[name]) : [];
  });

const values: Readonly<Record<string, (parts: readonly SegmentDocument[], trace: Trace) => readonly unknown[]>> = {
  responsetime: (_, trace) => [responseTime(trace)],
  duration: (_, trace) => [trace.end - trace.start],
  "http.status": (parts) => parts.flatMap(({ http }) => (http?.response?.status as number | undefined) ?? []),
  "http.url": request("url"),
  "http.method": request("method"),
  "http.useragent": request("user_agent"),
  "http.clientip": request("client_ip"),
  user: (parts) => parts.flatMap(({ user }) => user ?? []),
  name: (parts) => parts.map(({ name }) => name),
  type: (parts) => parts.flatMap(({ origin }) => origin ?? []),
  "resource.arn": (parts) => parts.flatMap(({ resource_arn }) => resource_arn ?? []),
  message: exceptions("message"),
  "exception.type": exceptions("type"),
};

/** How long the first segment took: what whoever called has waited. */
export function responseTime({ segments }: Trace): number {
  const ids = new Set(segments.map(({ id }) => id));
  const first = segments.find(({ parent_id }) => parent_id === undefined || !ids.has(parent_id)) ?? segments[0]!;
  return took(first);
}

const number = (test: (value: number, bound: number) => boolean) => (value: unknown, literal: string) =>
  typeof value === "number" && test(value, Number(literal));
const text = (test: (value: string, part: string) => boolean) => (value: unknown, literal: string) =>
  typeof value === "string" && test(value, literal);
const isEqual = (value: unknown, literal: string): boolean =>
  typeof value === "number" ? value === Number(literal) : String(value) === literal;

const operators: Readonly<Record<string, (value: unknown, literal: string) => boolean>> = {
  "=": isEqual,
  "!=": (value, literal) => !isEqual(value, literal),
  "<": number((value, bound) => value < bound),
  "<=": number((value, bound) => value <= bound),
  ">": number((value, bound) => value > bound),
  ">=": number((value, bound) => value >= bound),
  contains: text((value, part) => value.includes(part)),
  beginswith: text((value, part) => value.startsWith(part)),
  endswith: text((value, part) => value.endsWith(part)),
};
