import { InvalidPattern, type Pattern, testOf } from "./pattern-values.ts";

type Condition = (document: unknown) => boolean;

const missing = Symbol("missing");

/** `{ ($.a = "x" || $.b[0].c > 3) && $.d IS NULL }`: selectors, comparisons, `&&` before `||`, and parentheses. */
export function jsonPattern(text: string): Pattern {
  if (!text.endsWith("}")) throw new InvalidPattern("the pattern has no closing brace");
  const condition = parse(tokensOf(text.slice(1, -1)));
  return (message) => {
    if (!/^\s*[{[]/.test(message)) return undefined;
    try {
      return condition(JSON.parse(message)) ? {} : undefined;
    } catch {
      return undefined;
    }
  };
}

const token =
  /\s*(\(|\)|&&|\|\||!=|>=|<=|=|>|<|\$(?:\.[\w*@-]+|\[(?:\d+|\*|'[^']*'|"[^"]*")\])+|"(?:[^"\\]|\\.)*"|%[^%]*%|[^\s()&|=<>!"]+)/y;

function tokensOf(text: string): string[] {
  const found: string[] = [];
  const rest = text.trimEnd();
  token.lastIndex = 0;
  while (token.lastIndex < rest.length) {
    const at = token.lastIndex;
    const match = token.exec(rest);
    if (match === null) throw new InvalidPattern(`the pattern cannot be read from: ${rest.slice(at)}`);
    found.push(match[1]!);
  }
  return found;
}

function parse(tokens: readonly string[]): Condition {
  let at = 0;
  const next = (): string => {
    const found = tokens[at++];
    if (found === undefined) throw new InvalidPattern("the pattern ends too early");
    return found;
  };
  const alternatives = (): Condition => {
    const all = [conjunction()];
    while (tokens[at] === "||") {
      at += 1;
      all.push(conjunction());
    }
    return (document) => all.some((one) => one(document));
  };
  const conjunction = (): Condition => {
    const all = [single()];
    while (tokens[at] === "&&") {
      at += 1;
      all.push(single());
    }
    return (document) => all.every((one) => one(document));
  };
  const single = (): Condition => {
    const first = next();
    if (first === "(") {
      const inner = alternatives();
      if (next() !== ")") throw new InvalidPattern("a closing parenthesis is missing");
      return inner;
    }
    if (!first.startsWith("$")) throw new InvalidPattern(`${first} is no selector`);
    return comparison(selectorOf(first), next(), next);
  };
  const condition = alternatives();
  if (at < tokens.length) throw new InvalidPattern(`${tokens[at]} was not expected`);
  return condition;
}

function comparison(select: (document: unknown) => unknown[], operator: string, next: () => string): Condition {
  const some =
    (test: (value: unknown) => boolean): Condition =>
    (document) =>
      select(document).some(test);
  const word = operator.toUpperCase();
  if (word === "IS") {
    const what = next().toUpperCase();
    if (what === "NULL") return some((value) => value === null);
    if (what === "TRUE") return some((value) => value === true);
    if (what === "FALSE") return some((value) => value === false);
    throw new InvalidPattern(`IS ${what} is unknown`);
  }
  if (word === "NOT") {
    if (next().toUpperCase() !== "EXISTS") throw new InvalidPattern("NOT is followed by EXISTS only");
    return some((value) => value === missing);
  }
  if (word === "EXISTS") return some((value) => value !== missing);
  if (!/^(!=|>=|<=|=|>|<)$/.test(operator)) throw new InvalidPattern(`${operator} is no comparison`);
  const test = testOf(operator, next());
  return some((value) => value !== missing && test(value));
}

/** The first value that a selector such as `$.a.b[0]` leads to in a message. Undefined: the message is no JSON, or has none there. */
export function selected(message: string, selector: string): unknown {
  try {
    const [value] = selectorOf(selector)(JSON.parse(message));
    return value === missing ? undefined : value;
  } catch {
    return undefined;
  }
}

/** What a selector leads to: one value, or of `*` several; `missing` where nothing is. */
function selectorOf(text: string): (document: unknown) => unknown[] {
  const steps = [...text.matchAll(/\.([\w*@-]+)|\[(\d+|\*)\]|\['([^']*)'\]|\["([^"]*)"\]/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? "",
  );
  return (document) => {
    let values: unknown[] = [document];
    for (const step of steps) {
      values = values.flatMap((value) => {
        if (typeof value !== "object" || value === null) return [missing];
        if (step === "*") return Object.values(value);
        return Object.hasOwn(value, step) ? [(value as Record<string, unknown>)[step]] : [missing];
      });
    }
    return values.length === 0 ? [missing] : values;
  };
}
