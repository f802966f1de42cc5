import { randomInt } from "node:crypto";
import { ServiceError } from "../../model/index.ts";
import { type FunctionUrlRecord, functionArn, type Registry, type Scope } from "../../registry/index.ts";
import { type FunctionRef, functionRef } from "./function-ref.ts";
import { refuseTenants } from "./tenancy.ts";

/** A function, or one of its aliases, as the operations on URLs name it. */
export interface UrlTarget extends FunctionRef {
  /** `$LATEST` or an alias: where the record stands */
  readonly place: string;
}

/** Not looked up. Versions cannot have a URL: the model refuses their numbers. */
export function urlTarget(
  input: { readonly FunctionName?: string | undefined; readonly Qualifier?: string | undefined },
  scope: Scope,
): UrlTarget {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  return { ...ref, place: ref.qualifier ?? "$LATEST" };
}

/** Throws ResourceNotFoundException when there is no such function or alias, and what refuseTenants() throws. */
export function checkUrlTarget(registry: Registry, target: UrlTarget): void {
  const entry = registry.functions.find(target, target.name);
  if (entry !== undefined && (target.place === "$LATEST" || entry.aliases.has(target.place))) {
    refuseTenants(entry, "A function URL");
    return;
  }
  throw new ServiceError("ResourceNotFoundException", "Function does not exist");
}

/** Throws ResourceNotFoundException: Lambda does not say whether it is the function or its URL that does not exist. */
export function getUrl(registry: Registry, target: UrlTarget): FunctionUrlRecord {
  const record = registry.urls.get(target, target.name, target.place);
  if (record !== undefined) return record;
  throw new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.");
}

/** The ARN that a URL invokes. */
export const urlArn = (target: UrlTarget): string =>
  target.place === "$LATEST" ? functionArn(target, target.name) : `${functionArn(target, target.name)}:${target.place}`;

/** `origin`: `http://host:port` as the client reached us; the port is that of the URL, too. */
export function urlView(target: UrlTarget, record: FunctionUrlRecord, origin: string) {
  return {
    FunctionUrl: functionUrl(record.urlId, target.region, origin),
    FunctionArn: urlArn(target),
    AuthType: record.authType,
    ...(record.cors === undefined ? {} : { Cors: record.cors }),
    CreationTime: record.created,
    LastModifiedTime: record.lastModified,
    InvokeMode: record.invokeMode,
  };
}

/** `http://<url-id>.lambda-url.<region>.localhost:4566/`: every name below localhost is this machine (RFC 6761, 6.3). */
export function functionUrl(urlId: string, region: string, origin: string): string {
  const { protocol, port } = new URL(origin);
  return `${protocol}//${urlId}.lambda-url.${region}.localhost${port === "" ? "" : `:${port}`}/`;
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

/** 32 lower-case letters and digits. */
export const newUrlId = (): string => Array.from({ length: 32 }, () => letters[randomInt(letters.length)]).join("");

/** Lambda's spelling of a moment here: `2023-06-08T13:20:18.244654Z`. */
export const urlTimestamp = (): string => new Date().toISOString().replace("Z", "000Z");
