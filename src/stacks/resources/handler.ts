import type { Mapping } from "../../templates/index.ts";
import type { Calls } from "./calls.ts";

/** What a handler does its work with. */
export interface Work {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Mapping;
  /** the name that the resource is given if the template gives none; the same on every try */
  readonly name: string;
  readonly stack: {
    readonly id: string;
    readonly name: string;
    readonly account: string;
    readonly region: string;
    readonly tags: Readonly<Record<string, string>>;
    readonly capabilities: readonly string[];
  };
  readonly calls: Calls;
  /** Waits until `done` gives something, and gives it. Rejects after `ms` milliseconds with `what` in the message. */
  until<T>(what: string, done: () => Promise<T | undefined>, ms?: number): Promise<T>;
  /** Notes that the resource is there, though not all that it has: whatever comes, it will be deleted. */
  exists(made: Made): void;
  /** true: an earlier try may have made it already, without anybody having heard of it */
  readonly again: boolean;
  /** where a custom resource's function puts its answer, and how that is read */
  readonly answers: Answers;
}

export interface Answers {
  /** a presigned URL for one PUT, good for as long as a custom resource may take */
  urlFor(key: string): Promise<string>;
  /** undefined: nothing has been put there yet */
  read(key: string): Promise<string | undefined>;
}

/** A resource that exists. */
export interface Existing extends Work {
  readonly physicalId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Changing extends Existing {
  /** the properties that it has */
  readonly before: Mapping;
}

/** What a resource came to be. */
export interface Made {
  /** what Ref gives */
  readonly physicalId: string;
  /** what GetAtt gives */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** How resources of a type are made. What rejects is the reason that the stack's events give. */
export interface Handler {
  /** properties whose change makes another resource; `all`: any */
  readonly replaces: "all" | readonly string[];
  /** the property that names it and how a generated name is made */
  readonly name?: { readonly property: string; readonly most: number; readonly lower?: boolean };
  create(work: Work): Promise<Made>;
  /** left out: whatever is not in `replaces` changes nothing */
  update?(work: Changing): Promise<Partial<Made> | undefined>;
  /** a resource that is not there any more is deleted */
  delete(work: Existing): Promise<void>;
}

export type Handlers = Readonly<Record<string, Handler>>;

/** Properties without those named, and without what is undefined. */
export function without(properties: Mapping, ...names: string[]): Mapping {
  return Object.fromEntries(
    Object.entries(properties).filter(([name, value]) => !names.includes(name) && value !== undefined),
  );
}

export const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

/** CloudFormation's tags (a list of Key and Value, or a mapping) with the stack's own, as a mapping. */
export function tagsOf({ properties, stack }: Work, property = "Tags"): Record<string, string> {
  return { ...stack.tags, ...pairsOf(properties[property]) };
}

export function pairsOf(tags: unknown): Record<string, string> {
  if (Array.isArray(tags)) {
    return Object.fromEntries(tags.map((tag: Mapping) => [text(tag.Key), text(tag.Value)]));
  }
  return Object.fromEntries(Object.entries((tags ?? {}) as Mapping).map(([key, value]) => [key, text(value)]));
}

export const tagList = (tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Keys of `before` that are not in `after`. */
export const gone = (before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(before).filter((key) => !(key in after));

export const changed = (work: Changing, ...names: string[]): boolean =>
  names.some((name) => JSON.stringify(work.before[name]) !== JSON.stringify(work.properties[name]));

/** A policy document as services take it. */
export const documentText = (document: unknown): string =>
  typeof document === "string" ? document : JSON.stringify(document);

export const encoded = encodeURIComponent;
