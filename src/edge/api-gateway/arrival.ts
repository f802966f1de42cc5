import type { RequestParts } from "../proxy/parts.ts";
import type { Apis } from "./apis.ts";
import type { ApiRecord, Definition, DomainRecord, Stage } from "./records.ts";

/** Where in an API a request has arrived. */
export interface Arrival {
  readonly record: ApiRecord;
  readonly stage: Stage;
  readonly definition: Definition;
  /** decoded, from behind the stage, with its `/` */
  readonly path: string;
  /** the same as segments, each decoded by itself: a `%2F` divides nothing */
  readonly segments: readonly string[];
  /** as events show it: with the stage before it, unless that is `$default` */
  readonly shownPath: string;
  readonly parts: RequestParts;
}

/** Undefined: nothing is there. `malformed`: its path is not well percent-encoded. */
export type Found = Arrival | "malformed" | undefined;

/**
 * Finds the stage that a request is for: the one its path begins with, else `$default`. `base`: what of the path comes before
 * that and is ours (`/_aws/execute-api/<id>`).
 */
export function arrivalOf(apis: Apis, record: ApiRecord, base: string, parts: RequestParts): Found {
  const raw = parts.path.slice(base.length) || "/";
  const segments = segmentsOf(raw);
  if (segments === undefined) return "malformed";
  const [first = ""] = segments;
  const named = Object.hasOwn(record.stages, first) && first !== "$default" ? record.stages[first] : undefined;
  if (named !== undefined) return at(apis, record, named, segments.slice(1), parts);
  const byDefault = Object.hasOwn(record.stages, "$default") ? record.stages.$default : undefined;
  return byDefault === undefined ? undefined : at(apis, record, byDefault, segments, parts);
}

/** The same by the mappings of a domain of one's own: the longest key that the path begins with. */
export function mappedArrival(apis: Apis, host: string, parts: RequestParts): Found {
  const domain = domainOf(apis, host);
  const segments = segmentsOf(parts.path);
  if (domain === undefined) return undefined;
  if (segments === undefined) return "malformed";
  const fitting = Object.values(domain.mappings)
    .map((mapping) => ({ ...mapping, key: mapping.apiMappingKey === "" ? [] : mapping.apiMappingKey.split("/") }))
    .filter(({ key }) => key.every((part, index) => segments[index] === part))
    .sort((one, other) => other.key.length - one.key.length);
  const [mapping] = fitting;
  const record = mapping === undefined ? undefined : apis.find(mapping.apiId);
  const stage = mapping === undefined ? undefined : record?.stages[mapping.stage];
  if (mapping === undefined || record === undefined || stage === undefined) return undefined;
  return at(apis, record, stage, segments.slice(mapping.key.length), parts);
}

/** A domain of one's own by a host without its port, or the one whose wildcard covers it. */
export const domainOf = (apis: Apis, host: string): DomainRecord | undefined =>
  apis.domain(host) ?? apis.domain(host.replace(/^[^.]+/, "*"));

function at(apis: Apis, record: ApiRecord, stage: Stage, segments: readonly string[], parts: RequestParts): Found {
  const definition = apis.serving(record, stage);
  if (definition === undefined) return undefined;
  const rest = segments.length === 0 ? [""] : segments;
  const path = `/${rest.join("/")}`;
  const shownPath = stage.stageName === "$default" ? path : `/${stage.stageName}${path}`;
  return { record, stage, definition, path, segments: rest, shownPath, parts };
}

function segmentsOf(path: string): string[] | undefined {
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
