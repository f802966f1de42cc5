import { InvalidPattern, type Pattern, regexOf, unquoted } from "./pattern-values.ts";

/** All plain terms, none of those with `-`, and one at least of those with `?` if there are no plain ones. */
export function termPattern(text: string): Pattern {
  const wanted: ((message: string) => boolean)[] = [];
  const unwanted: typeof wanted = [];
  const any: typeof wanted = [];
  for (const [whole, sign, term] of tokens(text)) {
    if (term === undefined) throw new InvalidPattern(`${whole} is no term`);
    (sign === "?" ? any : sign === "-" ? unwanted : wanted).push(finder(term));
  }
  return (message) => {
    if (!wanted.every((find) => find(message)) || unwanted.some((find) => find(message))) return undefined;
    // Beside plain terms, optional ones are ignored ("Use optional terms", note).
    if (wanted.length === 0 && any.length > 0 && !any.some((find) => find(message))) return undefined;
    return {};
  };
}

function* tokens(text: string): Generator<readonly [whole: string, sign: string, term: string | undefined]> {
  const pattern = /\s*([-?]?)("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)/y;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const [whole = "", sign = "", term] = pattern.exec(text) ?? [];
    if (whole === "") throw new InvalidPattern(`the pattern cannot be read from: ${text.slice(at)}`);
    // Unquoted terms are made of letters, digits and underscores; all others are to be quoted.
    if (term !== undefined && !/^["%]/.test(term) && !/^[\w.:*/@-]+$/u.test(term)) {
      throw new InvalidPattern(`${term} must be in quotes`);
    }
    yield [whole, sign, term];
  }
}

function finder(term: string): (message: string) => boolean {
  if (term.startsWith("%")) {
    const regex = regexOf(term.slice(1, -1));
    return (message) => regex.test(message);
  }
  const text = term.startsWith('"') ? unquoted(term) : term;
  return (message) => message.includes(text);
}
