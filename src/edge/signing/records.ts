import type { NamedDocument } from "../../registry/index.ts";

/** A signing profile: a name, and a key pair for each of its versions. `name`: `region/profile`. */
export interface ProfileRecord extends NamedDocument {
  readonly region: string;
  readonly profile: string;
  readonly platformId: string;
  readonly validity: { readonly value: number; readonly type: "DAYS" | "MONTHS" | "YEARS" };
  /** oldest first; the last one signs */
  readonly versions: readonly ProfileVersion[];
  readonly signingParameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface ProfileVersion {
  /** 10 letters and digits */
  readonly version: string;
  readonly status: "Active" | "Canceled" | "Revoked";
  /** PEM */
  readonly publicKey: string;
  /** PEM, PKCS #8; P-384 */
  readonly privateKey: string;
  /** signatures made since then do not count; milliseconds */
  readonly revokedFrom?: number;
  readonly revokedBy?: string;
  readonly revocationReason?: string;
  readonly revokedAt?: number;
}

/** One act of signing. `name`: `region/id`. */
export interface JobRecord extends NamedDocument {
  readonly region: string;
  readonly id: string;
  readonly profile: string;
  readonly version: string;
  readonly platformId: string;
  readonly status: "Succeeded" | "Failed";
  readonly statusReason?: string;
  /** milliseconds */
  readonly createdAt: number;
  readonly completedAt: number;
  readonly expiresAt: number;
  readonly source?: { readonly bucketName: string; readonly key: string; readonly version: string };
  readonly signed?: { readonly bucketName: string; readonly key: string };
  readonly revocation?: { readonly reason: string; readonly at: number; readonly by: string };
}

export const profileArn = ({
  account,
  region,
  profile,
}: Pick<ProfileRecord, "account" | "region" | "profile">): string =>
  `arn:aws:signer:${region}:${account}:/signing-profiles/${profile}`;

export const profileVersionArn = (
  record: Pick<ProfileRecord, "account" | "region" | "profile">,
  version: string,
): string => `${profileArn(record)}/${version}`;

export const jobArn = ({ account, region, id }: Pick<JobRecord, "account" | "region" | "id">): string =>
  `arn:aws:signer:${region}:${account}:/signing-jobs/${id}`;
