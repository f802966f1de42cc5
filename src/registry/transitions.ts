import { randomUUID } from "node:crypto";
import { type CodeRef, type LayerRef, ServiceError } from "../model/index.ts";
import { providerOf } from "./managed.ts";
import { type FunctionRecord, type FunctionSettings, functionArn, timestamp, type VersionRecord } from "./records.ts";

/** What a version consists of. */
export interface Content {
  readonly settings: FunctionSettings;
  readonly code: CodeRef;
  readonly layers: readonly LayerRef[];
}

/** How the preparation of a version went: ready to run (from a snapshot, when there is one), or why not. */
export type Settlement =
  | { readonly ready: true; readonly optimized?: boolean }
  | { readonly ready: false; readonly reason: string; readonly code: string };

// Lambda gives this reason for updates too.
const reason = "The function is being created.";

/** A version nobody has run yet. */
export function newVersion(version: string, content: Content): VersionRecord {
  return { version, ...contentOf(content), ...pending() };
}

/**
 * `$LATEST` under a number. What is ready is ready under every name, unless a snapshot or environments are to be made of it first: then, and
 * while an update of `$LATEST` is under way, the version is Pending.
 */
export function publishedVersion(latest: VersionRecord, version: string, settings: FunctionSettings): VersionRecord {
  const made = newVersion(version, { settings, code: latest.code, layers: latest.layers });
  const ready = latest.state === "Active" && latest.lastUpdateStatus === "Successful";
  const isToStart = settings.SnapStart.ApplyOn === "PublishedVersions" || providerOf(settings) !== undefined;
  if (!ready || isToStart) return made;
  return settledVersion(made, { ready: true });
}

/** What a version's scaling is stays what it is. */
export const scaledAs = ({ scaling }: Pick<VersionRecord, "scaling">) => (scaling === undefined ? {} : { scaling });

/** `$LATEST` with other code or configuration. A function that never became active is still being created. */
export function changedVersion(old: VersionRecord, change: Partial<Content>): VersionRecord {
  const { settings, code, layers } = { ...old, ...change };
  const content = contentOf({ settings, code, layers });
  if (old.state !== "Active") return { version: old.version, ...content, ...pending() };
  return {
    version: old.version,
    ...content,
    revisionId: randomUUID(),
    state: "Active",
    lastUpdateStatus: "InProgress",
    lastUpdateStatusReason: reason,
    lastUpdateStatusReasonCode: "Creating",
  };
}

/** Pending becomes Active or Failed; of an update, LastUpdateStatus ends. */
export function settledVersion(old: VersionRecord, settlement: Settlement): VersionRecord {
  const { settings, code, layers, key, fingerprint, lastModified, version } = old;
  const kept = { settings, code, layers, key, fingerprint, lastModified, version, ...scaledAs(old) };
  const same = { ...kept, revisionId: randomUUID() };
  if (settlement.ready) {
    const optimized = settlement.optimized === true ? { optimized: true } : {};
    return { ...same, state: "Active", lastUpdateStatus: "Successful", ...optimized };
  }
  if (old.state === "Active") {
    return {
      ...same,
      state: "Active",
      lastUpdateStatus: "Failed",
      lastUpdateStatusReason: settlement.reason,
      lastUpdateStatusReasonCode: settlement.code,
    };
  }
  return {
    ...same,
    state: "Failed",
    stateReason: settlement.reason,
    stateReasonCode: settlement.code,
    lastUpdateStatus: "Failed",
    lastUpdateStatusReason: settlement.reason,
    lastUpdateStatusReasonCode: settlement.code,
  };
}

/**
 * Throws ResourceConflictException, in AWS's words, while an earlier change of the function is still being prepared. One that
 * never became active may be changed: nobody has what it was.
 */
export function checkChangeable({ record, latest }: { record: FunctionRecord; latest: VersionRecord }): void {
  if (latest.lastUpdateStatus !== "InProgress") return;
  throw new ServiceError(
    "ResourceConflictException",
    `The operation cannot be performed at this time. An update is in progress for resource: ${functionArn(record, record.name)}`,
  );
}

/** Throws PreconditionFailedException when the caller saw another revision. */
export function checkRevision(revisionId: string, expected: string | undefined): void {
  if (expected === undefined || expected === revisionId) return;
  throw new ServiceError(
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
  );
}

/**
 * Content with a new key and fingerprint. Lambda publishes whatever was updated since the last publication, and does not look
 * whether the update changed anything (seen: moto's tests against AWS, getmoto/moto#8379).
 */
function contentOf({ settings, code, layers }: Content) {
  return { settings, code, layers, fingerprint: randomUUID(), key: randomUUID(), lastModified: timestamp() };
}

const pending = () =>
  ({ revisionId: randomUUID(), state: "Pending", stateReason: reason, stateReasonCode: "Creating" }) as const;
