/** Elements by name. A list is the element repeated; what is undefined is left out; `$` are the element's attributes, as they stand. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** A whole document. */
export const document = (root: string, content: Xml): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, content, ` xmlns="${namespace}"`)}`;

/** An error's document, which has no namespace. */
export const errorDocument = (content: Xml): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${element("Error", content, "")}`;

function element(name: string, value: Xml, attributes: string): string {
  if (value === undefined) return "";
  if (typeof value !== "object") return `<${name}${attributes}>${escaped(String(value))}</${name}>`;
  if (Array.isArray(value)) return value.map((item: Xml) => element(name, item, attributes)).join("");
  const { $: own = "", ...children } = value as Readonly<Record<string, Xml>>;
  const inner = Object.entries(children).map(([child, content]) => element(child, content, ""));
  return `<${name}${attributes}${own}>${inner.join("")}</${name}>`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/**
 * Keys may have any character. What XML 1.0 has no way to say is written as a reference, as S3 does it; who wants to read
 * such keys asks for `encoding-type=url`.
 */
function escaped(text: string): string {
  return text
    .replace(/[&<>"]/g, (character) => entities[character]!)
    .replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}
