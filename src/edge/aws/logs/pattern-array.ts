import { InvalidPattern, type Pattern, type Test, testOf } from "./pattern-values.ts";

interface Field {
  /** undefined: `...` */
  readonly name: string | undefined;
  readonly test: Test;
}

/** Fields between spaces; those in quotes or square brackets are one: `[ip, user, ..., status = 5* && status != 503, size > 10]`. */
export function arrayPattern(text: string): Pattern {
  if (!text.endsWith("]")) throw new InvalidPattern("the pattern has no closing bracket");
  const fields = text.slice(1, -1).split(",").map(fieldOf);
  const gap = fields.findIndex(({ name }) => name === undefined);
  if (fields.filter(({ name }) => name === undefined).length > 1) throw new InvalidPattern("... may stand once only");
  return (message) => {
    const values = split(message);
    const fixed = gap === -1 ? fields.length : fields.length - 1;
    if (gap === -1 ? values.length !== fixed : values.length < fixed) return undefined;
    const found: Record<string, string> = {};
    for (const [index, { name, test }] of fields.entries()) {
      if (name === undefined) continue;
      const at = gap !== -1 && index > gap ? values.length - fields.length + index : index;
      const value = values[at]!;
      if (!test(value)) return undefined;
      found[`$${name}`] = value;
    }
    return found;
  };
}

function fieldOf(text: string, index: number): Field {
  const trimmed = text.trim();
  if (trimmed === "...") return { name: undefined, test: () => true };
  if (trimmed === "" || /^\w+$/.test(trimmed)) return { name: trimmed || String(index + 1), test: () => true };
  const name = /^\w+/.exec(trimmed)?.[0];
  if (name === undefined) throw new InvalidPattern(`${trimmed} is no field`);
  const alternatives = trimmed.split("||").map((part) => part.split("&&").map((one) => conditionOf(one.trim(), name)));
  return { name, test: (value) => alternatives.some((all) => all.every((test) => test(value))) };
}

function conditionOf(text: string, name: string): Test {
  const [, field, operator, literal] = /^(\w+)\s*(!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|%[^%]*%|\S+)$/.exec(text) ?? [];
  if (field !== name || operator === undefined || literal === undefined) {
    throw new InvalidPattern(`${text} is no condition of ${name}`);
  }
  return testOf(operator, literal);
}

const split = (message: string): string[] =>
  [...message.matchAll(/"([^"]*)"|\[([^\]]*)\]|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
