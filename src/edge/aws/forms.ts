import type { Member, Shape } from "../lambda-api/model.ts";

/** A service whose requests come as forms and are answered in XML, too. */
export interface FormModel {
  readonly shapes: Readonly<Record<string, Shape & { readonly flattened?: boolean }>>;
  /** what the elements of a flattened list or map are called, by its shape, where the model does not say */
  readonly elements?: Readonly<Record<string, string>>;
  /** what key and value of a map are called, by its shape; else as the model says, or `key` and `value` */
  readonly pairs?: Readonly<Record<string, readonly [key: string, value: string]>>;
}

/** A form's fields by the parts of their names: `Entry.1.Id` is `Entry`, `1`, `Id`. */
interface Node {
  value: string | undefined;
  readonly inner: Map<string, Node>;
}

const deepest = 12;

function treeOf(fields: URLSearchParams): Node {
  const root: Node = { value: undefined, inner: new Map() };
  for (const [name, value] of fields) {
    const parts = name.split(".");
    if (parts.length > deepest) continue;
    let node = root;
    for (const part of parts) {
      const next = node.inner.get(part) ?? { value: undefined, inner: new Map<string, Node>() };
      node.inner.set(part, next);
      node = next;
    }
    node.value = value;
  }
  return root;
}

/** The document that a form of the Query protocol stands for. Source: Smithy, "AWS query protocol". */
export function readForm(model: FormModel, shape: string, fields: URLSearchParams): unknown {
  return read(model, shape, treeOf(fields));
}

function read(model: FormModel, name: string, node: Node): unknown {
  const shape = model.shapes[name]!;
  switch (shape.type) {
    case "structure":
      return readStructure(model, shape, node);
    case "list":
      return numbered(node).map((inner) => read(model, shape.member!.shape, inner));
    case "map":
      return Object.fromEntries(
        numbered(node).map((entry) => {
          const { key, value } = mapNames(model, shape, name);
          const inner = entry.inner.get(value);
          return [
            entry.inner.get(key)?.value ?? "",
            inner === undefined ? undefined : read(model, shape.value!.shape, inner),
          ];
        }),
      );
    default:
      return scalarOf(shape, node.value);
  }
}

function readStructure(model: FormModel, shape: Shape, node: Node): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const inner = nodeOf(model, name, member, node);
    if (inner !== undefined) document[name] = read(model, member.shape, inner);
  }
  return document;
}

/** Where a member's value lies: lists and maps have one more part in their names, or the name of their elements. */
function nodeOf(model: FormModel, name: string, member: Member, node: Node): Node | undefined {
  const shape = model.shapes[member.shape]!;
  const own = member.locationName ?? name;
  if (shape.type !== "list" && shape.type !== "map") return node.inner.get(own);
  if (shape.flattened) return node.inner.get(elementOf(model, member.shape, own)) ?? node.inner.get(own);
  const outer = node.inner.get(own);
  // `Name=` alone is an empty list.
  return outer?.inner.get(shape.type === "map" ? "entry" : (shape.member?.locationName ?? "member")) ?? outer;
}

const elementOf = (model: FormModel, shape: string, own: string): string => model.elements?.[shape] ?? own;

const numbered = ({ inner }: Node): Node[] =>
  [...inner]
    .filter(([part]) => /^\d{1,6}$/.test(part))
    .sort(([one], [other]) => Number(one) - Number(other))
    .map(([, node]) => node);

function mapNames(model: FormModel, { key, value }: Shape, name: string): { key: string; value: string } {
  const pair = model.pairs?.[name];
  return { key: pair?.[0] ?? key?.locationName ?? "key", value: pair?.[1] ?? value?.locationName ?? "value" };
}

/** What is no number stays text, and is refused as such. */
function scalarOf({ type }: Shape, value: string | undefined): unknown {
  if (value === undefined) return undefined;
  if (type === "boolean") return /^(true|false)$/i.test(value) ? value.toLowerCase() === "true" : value;
  if (type !== "integer" && type !== "long" && type !== "double") return value;
  return value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value);
}

/** Elements for a document, without the outer one. */
export function writeForm(model: FormModel, name: string, document: unknown): string {
  const shape = model.shapes[name]!;
  const given = document as Readonly<Record<string, unknown>>;
  return Object.entries(shape.members ?? {})
    .map(([member, { shape: inner, locationName = member }]) => element(model, inner, locationName, given[member]))
    .join("");
}

function element(model: FormModel, name: string, tag: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  const shape = model.shapes[name]!;
  if (shape.type === "structure") return `<${tag}>${writeForm(model, name, value)}</${tag}>`;
  if (shape.type !== "list" && shape.type !== "map") return `<${tag}>${scalar(value)}</${tag}>`;
  const flat = shape.flattened === true;
  const each = flat ? elementOf(model, name, tag) : undefined;
  const inner =
    shape.type === "list"
      ? (value as readonly unknown[])
          .map((one) => element(model, shape.member!.shape, each ?? shape.member?.locationName ?? "member", one))
          .join("")
      : entries(model, shape, name, each ?? "entry", value as Readonly<Record<string, unknown>>);
  return flat ? inner : `<${tag}>${inner}</${tag}>`;
}

function entries(model: FormModel, shape: Shape, name: string, tag: string, map: Readonly<Record<string, unknown>>) {
  const names = mapNames(model, shape, name);
  return Object.entries(map)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const inner = element(model, shape.value!.shape, names.value, value);
      return `<${tag}><${names.key}>${scalar(key)}</${names.key}>${inner}</${tag}>`;
    })
    .join("");
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#xD;",
};

/** A carriage return that is not escaped would be read as a line feed. */
function scalar(value: unknown): string {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"\r]/g, (character) => escapes[character]!);
}
