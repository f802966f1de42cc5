import { type ErrorCode, ServiceError } from "../../../model/index.ts";
import type { Named, Scope } from "../../../registry/index.ts";
import type { JobRecord, ProfileRecord } from "../../signing/records.ts";

/** What the operations of the signer work with. */
export interface SignerContext {
  readonly profiles: Named<ProfileRecord>;
  readonly jobs: Named<JobRecord>;
  /** buckets of S3; absent: there are none here */
  readonly objects?: SignerObjects | undefined;
  readonly clock: () => number;
}

/** As much of S3 as signing needs. Both throw ServiceError or what S3 says. */
export interface SignerObjects {
  read(scope: Scope, bucket: string, key: string, version: string): Promise<Uint8Array>;
  write(scope: Scope, bucket: string, key: string, bytes: Uint8Array): Promise<void>;
}

export const refusal = (code: ErrorCode, message: string): ServiceError => new ServiceError(code, message);

/** Of the caller's account and region. Throws ResourceNotFoundException. */
export function profileOf({ profiles }: SignerContext, scope: Scope, name: string): ProfileRecord {
  const record = profiles.get(scope.account, `${scope.region}/${name}`);
  if (record === undefined) throw refusal("ResourceNotFoundException", `Signing profile ${name} not found.`);
  return record;
}

/** Throws ResourceNotFoundException. */
export function jobOf({ jobs }: SignerContext, scope: Scope, id: string): JobRecord {
  const record = jobs.get(scope.account, `${scope.region}/${id}`);
  if (record === undefined) throw refusal("ResourceNotFoundException", `Signing job ${id} not found.`);
  return record;
}

/** One page of records sorted by name; the token is the name of the last one shown. */
export function page<T extends { readonly name: string }>(
  records: readonly T[],
  token: string | undefined,
  max = 25,
): { readonly items: readonly T[]; readonly nextToken?: string } {
  const after = token === undefined ? "" : Buffer.from(token, "base64url").toString("utf8");
  const rest = records.filter(({ name }) => name > after);
  const items = rest.slice(0, max);
  const last = items.at(-1);
  if (last === undefined || rest.length <= max) return { items };
  return { items, nextToken: Buffer.from(last.name).toString("base64url") };
}

export const seconds = (ms: number): number => ms / 1000;
