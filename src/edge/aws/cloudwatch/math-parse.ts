/** An expression of metric math, taken apart. Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics". */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "negative"; readonly of: Expression }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

/** What cannot be understood, or not computed. */
export class MathError extends Error {
  override readonly name = "MathError";
}

const token =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|"([^"]*)"|'([^']*)'|(==|!=|<=|>=|&&|\|\||[-+*/^<>(),[\]]))/y;

type Token = { readonly kind: "number" | "name" | "text" | "sign"; readonly text: string };

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const at = token.lastIndex;
    const found = token.exec(text);
    if (found === null) throw new MathError(`Unexpected character at position ${at}`);
    const [, number, name, double, single, sign] = found;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
    else tokens.push({ kind: "text", text: double ?? single ?? "" });
  }
  return tokens;
}

/** Who binds least first. */
const strength: Readonly<Record<string, number>> = {
  "||": 1,
  OR: 1,
  "&&": 2,
  AND: 2,
  "==": 3,
  "!=": 3,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "^": 8,
};
const unary = 7;
const deepest = 50;

/** Throws MathError. */
export function parseMath(text: string): Expression {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = () => tokens[at];
  const isSign = (text: string) => peek()?.kind === "sign" && peek()?.text === text;

  function expect(sign: string): void {
    if (!isSign(sign))
      throw new MathError(`Expected ${sign} ${peek() === undefined ? "at the end" : `at "${peek()?.text}"`}`);
    at++;
  }

  function expression(least: number, depth: number): Expression {
    if (depth > deepest) throw new MathError("The expression is nested too deeply");
    let left = operand(depth);
    for (;;) {
      const next = peek();
      const binds = next === undefined || next.kind === "text" ? undefined : strength[next.text.toUpperCase()];
      if (next === undefined || binds === undefined || binds < least) return left;
      at++;
      // Powers are taken from the right.
      const right = expression(next.text === "^" ? binds : binds + 1, depth + 1);
      left = { kind: "binary", operator: next.text.toUpperCase(), left, right };
    }
  }

  function listUntil(end: string, depth: number): Expression[] {
    const items: Expression[] = [];
    while (!isSign(end)) {
      if (items.length > 0) expect(",");
      items.push(expression(0, depth + 1));
    }
    expect(end);
    return items;
  }

  function operand(depth: number): Expression {
    const next = tokens[at++];
    if (next === undefined) throw new MathError("The expression ends too early");
    if (next.kind === "number") return { kind: "number", value: Number(next.text) };
    if (next.kind === "text") return { kind: "text", value: next.text };
    if (next.kind === "name") {
      if (!isSign("(")) return { kind: "name", name: next.text };
      at++;
      return { kind: "call", name: next.text.toUpperCase(), args: listUntil(")", depth) };
    }
    if (next.text === "-") return { kind: "negative", of: expression(unary, depth + 1) };
    if (next.text === "[") return { kind: "list", items: listUntil("]", depth) };
    if (next.text !== "(") throw new MathError(`Unexpected "${next.text}"`);
    const inner = expression(0, depth + 1);
    expect(")");
    return inner;
  }

  const whole = expression(0, 0);
  if (at < tokens.length) throw new MathError(`Unexpected "${tokens[at]?.text}"`);
  return whole;
}
