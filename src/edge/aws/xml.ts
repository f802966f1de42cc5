/** A document of the Query protocol: text, a list (its elements are `member`s), or elements by name. Undefined ones are left out. */
export type Xml = string | number | boolean | readonly Xml[] | { readonly [name: string]: Xml | undefined };

/** Elements of a document, without the outer one. */
export function writeXml(value: Xml): string {
  if (typeof value !== "object") return escapeXml(String(value));
  if (Array.isArray(value)) return value.map((item: Xml) => `<member>${writeXml(item)}</member>`).join("");
  return Object.entries(value)
    .map(([name, inner]) => (inner === undefined ? "" : `<${name}>${writeXml(inner)}</${name}>`))
    .join("");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 cannot carry most control characters at all, not even escaped; they become the replacement character. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"]/g, (character) => entities[character]!);
}
