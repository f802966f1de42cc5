import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Findings } from "./findings.ts";

export type Mapping = Record<string, unknown>;

/** Where every member of every mapping and list stands in the file. */
export interface Positions {
  /** 1-based line of a member; undefined for what was not in the file */
  line(container: unknown, key: string | number): number | undefined;
  /** a scalar as it was written: `1.0` where the value is the number 1 */
  source(container: unknown, key: string | number): string | undefined;
  /** says where a member stands that was put together from others */
  place(container: object, key: string | number, line: number): void;
  /** says that members of `copy` came from `original` */
  inherit(copy: object, original: object): void;
}

export interface TemplateDocument {
  readonly root: Mapping;
  readonly positions: Positions;
}

interface Place {
  readonly line: number;
  readonly source: string | undefined;
}

/** CloudFormation's short forms. Source: CloudFormation User Guide, "Intrinsic function reference". */
const shortForms = new Set(
  "Ref Condition GetAtt Sub Join Select Split FindInMap If Equals And Or Not ImportValue Base64 Cidr GetAZs Transform".split(
    " ",
  ),
);

/**
 * Reads a template in YAML or JSON (which is YAML). Short forms become their long forms, so that nothing after this knows
 * two spellings. Syntax errors go to `findings`; undefined when there is nothing to go on with.
 */
export function readTemplate(text: string, findings: Findings): TemplateDocument | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    customTags: [...shortForms].flatMap((name) => [
      // the same for text, lists and mappings: the tag stays on the node, and `convert` reads it there
      { tag: `!${name}`, resolve: (value: string) => value },
      { tag: `!${name}`, collection: "seq" as const, resolve: (seq: unknown) => seq },
      { tag: `!${name}`, collection: "map" as const, resolve: (map: unknown) => map },
    ]),
  });
  for (const error of document.errors) {
    findings.fail(error.linePos?.[0].line ?? 0, "", error.message.split("\n")[0] ?? error.message);
  }
  for (const warning of document.warnings) {
    findings.warn(warning.linePos?.[0].line ?? 0, "", warning.message.split("\n")[0] ?? warning.message);
  }
  if (document.errors.length > 0) return undefined;

  const places = new WeakMap<object, Map<string, Place>>();
  const converted = new Map<Node, unknown>();
  const lineOf = (node: unknown): number => lines.linePos((node as Node | null)?.range?.[0] ?? 0).line;
  const remember = (container: object, key: string | number, at: unknown, node: unknown): void => {
    const map = places.get(container) ?? new Map<string, Place>();
    places.set(container, map.set(String(key), { line: lineOf(at), source: isScalar(node) ? node.source : undefined }));
  };

  const convert = (node: unknown): unknown => {
    if (isAlias(node)) return convert(node.resolve(document));
    const known = converted.get(node as Node);
    if (known !== undefined) return known;
    const plain = untagged(node);
    const tag = (node as Node | null)?.tag;
    const value = tag?.startsWith("!") && shortForms.has(tag.slice(1)) ? longForm(tag.slice(1), plain, node) : plain;
    if (typeof value === "object" && value !== null) converted.set(node as Node, value);
    return value;
  };

  const untagged = (node: unknown): unknown => {
    if (isSeq(node)) {
      const list: unknown[] = [];
      for (const [index, item] of node.items.entries()) {
        list.push(convert(item));
        remember(list, index, item, item);
      }
      return list;
    }
    if (isMap(node)) {
      const mapping: Mapping = {};
      for (const { key, value } of node.items) {
        if (isScalar(key) && typeof key.value === "symbol") {
          // a merge key (YAML 1.1): what is written here wins over what is merged in
          for (const merged of [convert(value)].flat()) {
            for (const [name, inherited] of Object.entries(merged as Mapping)) mapping[name] ??= inherited;
          }
          continue;
        }
        const name = isScalar(key) ? String(key.value) : String(key);
        // an own member even when it is called __proto__
        Object.defineProperty(mapping, name, {
          value: convert(value),
          enumerable: true,
          writable: true,
          configurable: true,
        });
        remember(mapping, name, key, value);
      }
      return mapping;
    }
    return isScalar(node) ? node.value : null;
  };

  const longForm = (name: string, value: unknown, node: unknown): Mapping => {
    const key = name === "Ref" || name === "Condition" ? name : `Fn::${name}`;
    const dot = name === "GetAtt" && typeof value === "string" ? value.indexOf(".") : -1;
    const argument = dot > 0 ? [(value as string).slice(0, dot), (value as string).slice(dot + 1)] : value;
    const mapping = { [key]: argument };
    remember(mapping, key, node, node);
    return mapping;
  };

  const root = convert(document.contents);
  if (!isMapping(root)) {
    findings.fail(0, "", "this is not a template: it must be a mapping with Resources");
    return undefined;
  }
  return {
    root,
    positions: {
      line: (container, key) => places.get(container as object)?.get(String(key))?.line,
      source: (container, key) => places.get(container as object)?.get(String(key))?.source,
      place: (container, key, line) => {
        const map = places.get(container) ?? new Map<string, Place>();
        places.set(container, map.set(String(key), { line, source: undefined }));
      },
      inherit: (copy, original) => {
        places.set(copy, new Map([...(places.get(copy) ?? []), ...(places.get(original) ?? [])]));
      },
    },
  };
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
