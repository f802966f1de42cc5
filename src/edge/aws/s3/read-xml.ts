import { malformed } from "./errors.ts";

/** An element of a document that somebody sent. */
export interface Element {
  readonly name: string;
  readonly children: readonly Element[];
  /** all text directly inside */
  readonly text: string;
}

interface Open {
  name: string;
  children: Element[];
  text: string;
}

/** No document of S3's is deeper than a dozen. */
const deepest = 32;
/** Elements: 10,000 parts with six each, and room. */
const most = 200_000;

/**
 * Reads a document. One that is not well-formed, has a document type (and with it entities), processing instructions, or is
 * too deep is refused as MalformedXML. Prefixes of namespaces are left off.
 */
export async function readXml(bytes: Buffer): Promise<Element> {
  const { default: sax } = await import("sax");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed();
  }
  // No entities but XML's own five.
  const options = { trim: false, strictEntities: true };
  const parser = sax.parser(true, options);
  const open: Open[] = [];
  let root: Open | undefined;
  let count = 0;
  const refuse = () => {
    throw malformed();
  };
  parser.onerror = refuse;
  parser.ondoctype = refuse;
  parser.onsgmldeclaration = refuse;
  parser.onprocessinginstruction = ({ name }) => {
    if (name.toLowerCase() !== "xml") refuse();
  };
  parser.onopentag = ({ name }) => {
    count += 1;
    if (open.length >= deepest || count > most) refuse();
    const element: Open = { name: name.slice(name.indexOf(":") + 1), children: [], text: "" };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  };
  parser.onclosetag = () => void open.pop();
  const onText = (part: string) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  };
  parser.ontext = onText;
  parser.oncdata = onText;
  parser.write(text).close();
  if (root === undefined || open.length > 0) throw malformed();
  return root;
}

/** Throws MalformedXML where the document is another. */
export function expectRoot(element: Element, ...names: readonly string[]): Element {
  if (!names.includes(element.name)) throw malformed();
  return element;
}

export const child = (element: Element, name: string): Element | undefined =>
  element.children.find((one) => one.name === name);
export const children = (element: Element, name: string): Element[] =>
  element.children.filter((one) => one.name === name);
export const textOf = (element: Element, name: string): string | undefined => child(element, name)?.text.trim();

/** As write-xml.ts has it; a repeated element becomes a list. */
export interface Tree {
  readonly [name: string]: string | Tree | readonly (string | Tree)[];
}

export function treeOf(element: Element): string | Tree {
  if (element.children.length === 0) return element.text.trim();
  const tree: Record<string, string | Tree | (string | Tree)[]> = {};
  for (const one of element.children) {
    const value = treeOf(one);
    const before = Object.hasOwn(tree, one.name) ? tree[one.name] : undefined;
    if (before === undefined) tree[one.name] = value;
    else if (Array.isArray(before)) before.push(value);
    else tree[one.name] = [before as string | Tree, value];
  }
  return tree;
}
