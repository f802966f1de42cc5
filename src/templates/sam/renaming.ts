import { isMapping, type Mapping } from "../document.ts";

/**
 * References to what the transform has made under a name of its own: `Ref: Hello.Version`, `GetAtt: [Hello.Alias, X]`,
 * `Sub: ${Api.Stage}`, a layer's logical id, DependsOn. Source: AWS SAM Developer Guide, "Referencing generated resources".
 */
export function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (names.size === 0) return value;
  if (Array.isArray(value)) return value.map((each) => renamed(each, names));
  if (!isMapping(value)) return value;
  const result: Mapping = {};
  for (const [key, member] of Object.entries(value)) result[key] = renamedMember(key, member, names);
  return result;
}

function renamedMember(key: string, member: unknown, names: ReadonlyMap<string, string>): unknown {
  const other = (name: unknown): unknown => (typeof name === "string" ? (names.get(name) ?? name) : name);
  if (key === "Ref") return other(member);
  if (key === "DependsOn") return Array.isArray(member) ? member.map(other) : other(member);
  if (key === "Fn::GetAtt") {
    const parts = Array.isArray(member) ? member.map(String) : String(member).split(".");
    const whole = parts.join(".");
    const found = [...names.keys()].find((name) => whole.startsWith(`${name}.`));
    return found === undefined ? renamed(member, names) : [names.get(found), whole.slice(found.length + 1)];
  }
  if (key === "Fn::Sub") {
    if (Array.isArray(member)) {
      const [text, own] = member;
      return [typeof text === "string" ? inText(text, names) : text, renamed(own, names)];
    }
    return typeof member === "string" ? inText(member, names) : member;
  }
  return renamed(member, names);
}

const inText = (text: string, names: ReadonlyMap<string, string>): string =>
  text.replace(/\$\{([^!}][^}]*)\}/g, (whole, expression: string) => {
    const name = expression.trim();
    const found = names.get(name);
    if (found !== undefined) return `\${${found}}`;
    const owner = [...names.keys()].find((each) => name.startsWith(`${each}.`));
    return owner === undefined ? whole : `\${${names.get(owner)}${name.slice(owner.length)}}`;
  });
