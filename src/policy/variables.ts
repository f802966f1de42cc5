import { anyCharacter, anyText, type Glob } from "./glob.ts";

/** Looks up a condition key of the request, without regard to case; undefined: the request has none. */
export type Lookup = (key: string) => readonly string[] | undefined;

/** Inside `${}`: a key, and perhaps `, 'text'` for requests without it. */
const inside = /^\s*([^,'\s][^,']*?)\s*(?:,\s*'([^']*)'\s*)?$/;
/** What `${*}`, `${?}` and `${$}` stand for: the character itself, not the wildcard. */
const literals: ReadonlySet<string> = new Set(["*", "?", "$"]);

/**
 * A pattern with the request's values in place of `${key}` and `${key, 'default'}`. Values are never wildcards. Undefined:
 * the request lacks a value, or has several, and then the pattern matches nothing.
 * Source: IAM User Guide, "IAM policy elements: Variables and tags".
 */
export function expand(text: string, variables: boolean, lookup: Lookup): Glob | undefined {
  const glob: (string | typeof anyText | typeof anyCharacter)[] = [];
  let rest = text;
  while (rest !== "") {
    const start = variables ? rest.indexOf("${") : -1;
    const end = start === -1 ? -1 : rest.indexOf("}", start);
    const plain = end === -1 ? rest : rest.slice(0, start);
    for (const character of plain) {
      glob.push(character === "*" ? anyText : character === "?" ? anyCharacter : character);
    }
    if (end === -1) break;
    const value = valueFor(rest.slice(start + 2, end), lookup);
    if (value === undefined) return undefined;
    glob.push(...value);
    rest = rest.slice(end + 1);
  }
  return glob;
}

/** As expand(), for operators that know no wildcards. */
export function expandText(text: string, variables: boolean, lookup: Lookup): string | undefined {
  if (!variables || !text.includes("${")) return text;
  const glob = expand(text, variables, lookup);
  return glob?.map((part) => (part === anyText ? "*" : part === anyCharacter ? "?" : String(part))).join("");
}

function valueFor(name: string, lookup: Lookup): string | undefined {
  if (literals.has(name)) return name;
  const [, key, fallback] = inside.exec(name) ?? [];
  if (key === undefined) return undefined;
  const values = lookup(key);
  if (values === undefined || values.length === 0) return fallback;
  return values.length === 1 ? values[0] : undefined;
}
