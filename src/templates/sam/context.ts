import { createHash } from "node:crypto";
import { isMapping, type Mapping } from "../document.ts";

/** What is wrong with one resource of a serverless application. */
export class SamError extends Error {
  readonly logicalId: string;

  constructor(logicalId: string, message: string) {
    super(message);
    this.logicalId = logicalId;
  }
}

/** A resource of the template, Globals already merged in. */
export interface SamResource {
  readonly id: string;
  readonly body: Mapping;
  readonly properties: Mapping;
}

/** What the transform of one resource reads and writes. */
export interface SamContext {
  /** all resources of the template as they were written, by logical id */
  readonly source: Mapping;
  readonly resources: Mapping;
  /** adds a resource to the result */
  add(id: string, type: string, properties: Mapping, rest?: Mapping): void;
  /** a text with references to parameters resolved; anything else as it is */
  plain(value: unknown): unknown;
  /** what `Ref: Owner.Part` stands for in the rest of the template */
  alias(owner: string, part: string, id: string): void;
  /** routes of REST and HTTP APIs that events declare, by the API's logical id */
  readonly rest: Map<string, Route[]>;
  readonly http: Map<string, Route[]>;
}

/** One way into a function through an API. */
export interface Route {
  readonly functionId: string;
  readonly eventId: string;
  readonly path: string;
  /** lower case; `any` */
  readonly method: string;
  /** what stands for the function in an integration's URI: `Hello.Arn`, `HelloAliaslive` */
  readonly target: string;
  readonly auth: Mapping;
  readonly settings: Mapping;
}

/** A name's suffix that changes when the value does. */
export const digestOf = (value: unknown): string => createHash("sha1").update(JSON.stringify(value)).digest("hex");

export const mappingOf = (value: unknown): Mapping => (isMapping(value) ? value : {});
export const listOf = (value: unknown): unknown[] => (value === undefined || value === null ? [] : [value].flat());

/** Only what is there. */
export function given(properties: Mapping): Mapping {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

/** The members of a mapping that have these names. */
export const picked = (from: Mapping, names: readonly string[]): Mapping =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

/** What of a resource's other attributes goes along to what it becomes. */
export const attributesOf = (body: Mapping): Mapping =>
  picked(body, ["Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "UpdatePolicy"]);

export const conditionOf = (body: Mapping): Mapping => picked(body, ["Condition"]);

/** A mapping of tags as CloudFormation's list. */
export const tagList = (tags: unknown): unknown[] =>
  Object.entries(mappingOf(tags)).map(([Key, Value]) => ({ Key, Value }));

/**
 * `s3://bucket/key?versionId=v`, or `{Bucket, Key, Version}`, as CloudFormation names an object. Throws SamError in SAM's words.
 */
export function objectOf(id: string, property: string, value: unknown, prefix = "S3"): Mapping {
  if (isMapping(value) && value.Bucket !== undefined && value.Key !== undefined) {
    return given({
      [`${prefix}Bucket`]: value.Bucket,
      [`${prefix}Key`]: value.Key,
      [`${prefix}ObjectVersion`]: value.Version,
    });
  }
  const [, bucket, key, version] = /^s3:\/\/([^/?]+)\/([^?]+)(?:\?versionId=(.+))?$/.exec(String(value)) ?? [];
  if (typeof value !== "string" || bucket === undefined) {
    throw new SamError(
      id,
      `'${property}' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.`,
    );
  }
  return given({ [`${prefix}Bucket`]: bucket, [`${prefix}Key`]: key, [`${prefix}ObjectVersion`]: version });
}

export const isTrue = (value: unknown): boolean => value === true || value === "true";
