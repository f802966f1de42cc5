/** What is wrong with a query, and where: offsets of characters, the end without. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly from: number;
  readonly to: number;
  constructor(message: string, from: number, to: number) {
    super(message);
    this.from = from;
    this.to = to;
  }
}

export interface Token {
  readonly kind: "name" | "number" | "span" | "string" | "sign" | "end";
  /** of a name in backquotes and of a string: without them */
  readonly text: string;
  readonly quoted: boolean;
  readonly from: number;
  readonly to: number;
}

/** Reads a query one token after the other; whether a slash begins a regular expression, only the parser knows. */
export interface Scanner {
  peek(): Token;
  next(): Token;
  /** Takes the next token if it is this sign or, in any case, this word. */
  take(text: string): boolean;
  /** Throws QueryError unless the next token is this. */
  expect(text: string): void;
  /** A regular expression between slashes, if one stands here. Throws QueryError. */
  regex(): RegExp | undefined;
  /** Where the last token ended. */
  end(): number;
  slice(from: number, to: number): string;
  /** Throws QueryError at the next token. */
  fail(message: string): never;
}

const blank = /(?:\s|#[^\n]*)*/y;
const kinds: readonly (readonly [kind: Token["kind"], pattern: RegExp])[] = [
  ["span", /\d+(?:ms|s|m|h|d|w|mo|q|y)\b/y],
  ["number", /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ["name", /[@\p{L}_$][\p{L}\p{N}_@.$]*/uy],
  ["name", /`[^`\n]+`/y],
  ["string", /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy],
  ["sign", /=~|!=|<=|>=|[-+*/%^()[\],|=<>]/y],
];

export function createScanner(text: string): Scanner {
  let at = 0;
  let ended = 0;
  let ahead: Token | undefined;

  function skip(): void {
    blank.lastIndex = at;
    blank.test(text);
    at = blank.lastIndex;
  }

  function read(): Token {
    skip();
    if (at >= text.length) return { kind: "end", text: "", quoted: false, from: text.length, to: text.length };
    for (const [kind, pattern] of kinds) {
      pattern.lastIndex = at;
      const found = pattern.exec(text)?.[0];
      if (found === undefined) continue;
      const quoted = kind === "string" || found.startsWith("`");
      const inner = quoted ? found.slice(1, -1) : found;
      const to = at + found.length;
      return { kind, text: kind === "string" ? unescaped(inner) : inner, quoted, from: at, to };
    }
    const what = /["'`]/.test(text[at]!) ? "unclosed quote" : `unexpected symbol found ${text[at]}`;
    throw new QueryError(what, at, at + 1);
  }

  const peek = (): Token => {
    ahead ??= read();
    return ahead;
  };
  const next = (): Token => {
    const token = peek();
    at = token.to;
    ended = token.to;
    ahead = undefined;
    return token;
  };
  const isNext = (wanted: string): boolean => {
    const token = peek();
    return !token.quoted && token.text.toLowerCase() === wanted && (token.kind === "name" || token.kind === "sign");
  };
  const fail = (message: string): never => {
    const { from, to } = peek();
    throw new QueryError(message, from, Math.max(to, from + 1));
  };

  return {
    peek,
    next,
    take(wanted) {
      const found = isNext(wanted);
      if (found) next();
      return found;
    },
    expect(wanted) {
      if (!isNext(wanted)) fail(`${wanted} was expected here`);
      next();
    },
    regex() {
      skip();
      if (text[at] !== "/") return undefined;
      const source = /\/((?:[^/\\\n]|\\.)+)\//y;
      source.lastIndex = at;
      const found = source.exec(text);
      if (found === null) throw new QueryError("a regular expression has no end", at, at + 1);
      const [whole, pattern = ""] = found;
      const made = regexOf(pattern, at, at + whole.length);
      at += whole.length;
      ended = at;
      ahead = undefined;
      return made;
    },
    end: () => ended,
    slice: (from, to) => text.slice(from, to),
    fail,
  };
}

/** A backslash stands before quotes and backslashes; before anything else it is one itself. */
const unescaped = (text: string): string => text.replace(/\\(["'\\])/g, "$1");

/** As Java writes them: flags at the beginning, `(?i)`, and possessive repetitions are not. Throws QueryError. */
function regexOf(source: string, from: number, to: number): RegExp {
  const [all = "", given = ""] = /^\(\?([ims]+)\)/.exec(source) ?? [];
  try {
    return new RegExp(source.slice(all.length), given);
  } catch {
    throw new QueryError(`${source} is not a regular expression`, from, to);
  }
}
