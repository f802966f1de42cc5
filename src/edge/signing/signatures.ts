import { sign as signBytes, verify as verifyBytes } from "node:crypto";
import type { Registry } from "../../registry/index.ts";
import { contentDigest, readArchive, tokenIn, withToken } from "./archive.ts";
import { type JobRecord, jobArn, type ProfileRecord, type ProfileVersion, profileVersionArn } from "./records.ts";

/** What a signature says; times in seconds, as a JWT has them. */
interface Claims {
  /** lower-case hex SHA-256 of the archive without its comment */
  readonly digest: string;
  readonly job: string;
  readonly iat: number;
  readonly exp: number;
}

/** What is found in an archive. */
export type Found =
  | { readonly kind: "unsigned" }
  /** the archive or its signature was changed after signing */
  | { readonly kind: "damaged" }
  | { readonly kind: "signed"; readonly signing: Signing; readonly flaw: Flaw | undefined };

export interface Signing {
  readonly profileVersionArn: string;
  readonly jobArn: string;
}

/** Why a signature that is whole does not count: nobody here knows its profile, its time is over, it was taken back. */
export type Flaw = "unknown" | "expired" | "revoked";

type Documents = Pick<Registry, "named">;

export const signingKinds = { profile: "signing-profile", job: "signing-job" } as const;

/**
 * Signs an archive: a JWS (RFC 7515, ES384) over its digest, in its comment. Throws ArchiveError when it is no zip, or is
 * signed already, as AWS Signer does.
 */
export async function signArchive(zip: Uint8Array, key: ProfileVersion, job: JobRecord): Promise<Buffer> {
  const archive = readArchive(zip);
  if (archive === undefined) throw new ArchiveError("The object is not a valid zip file.");
  if (tokenIn(archive) !== undefined) throw new ArchiveError("The zip file already has a signature.");
  const claims: Claims = {
    digest: await contentDigest(archive),
    job: jobArn(job),
    iat: Math.floor(job.createdAt / 1000),
    exp: Math.floor(job.expiresAt / 1000),
  };
  const header = { alg: "ES384", typ: "thaw-code-signature", kid: profileVersionArn(job, job.version) };
  const content = `${encoded(header)}.${encoded(claims)}`;
  const signature = signBytes("sha384", Buffer.from(content), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return withToken(archive, `${content}.${signature.toString("base64url")}`);
}

/** What cannot be signed. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** Looks for a signature and checks all that can be known of it here. `now` in milliseconds. */
export async function inspectArchive(registry: Documents, zip: Uint8Array, now: number): Promise<Found> {
  const archive = readArchive(zip);
  const token = archive === undefined ? undefined : tokenIn(archive);
  if (archive === undefined || token === undefined) return { kind: "unsigned" };
  const [head = "", body = "", signature = ""] = token.split(".");
  const header = decoded(head);
  const claims = decoded(body);
  if (typeof header.kid !== "string" || header.alg !== "ES384" || !isClaims(claims)) return { kind: "damaged" };
  if (claims.digest !== (await contentDigest(archive))) return { kind: "damaged" };
  const signing = { profileVersionArn: header.kid, jobArn: claims.job };
  const version = versionOf(registry, header.kid);
  if (version === undefined) return { kind: "signed", signing, flaw: "unknown" };
  const key = { key: version.publicKey, dsaEncoding: "ieee-p1363" } as const;
  const genuine = verifyBytes("sha384", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"));
  if (!genuine) return { kind: "damaged" };
  return { kind: "signed", signing, flaw: flawOf(registry, version, claims, now) };
}

function flawOf(registry: Documents, version: ProfileVersion, claims: Claims, now: number): Flaw | undefined {
  if (claims.exp * 1000 <= now) return "expired";
  if (version.revokedFrom !== undefined && claims.iat * 1000 >= version.revokedFrom) return "revoked";
  const [, , , region = "", account = "", path = ""] = claims.job.split(":");
  const job = registry.named<JobRecord>(signingKinds.job).get(account, `${region}/${path.split("/")[2] ?? ""}`);
  return job?.revocation === undefined ? undefined : "revoked";
}

function versionOf(registry: Documents, arn: string): ProfileVersion | undefined {
  const [, , service, region = "", account = "", path = ""] = arn.split(":");
  const [, kind, profile = "", version] = path.split("/");
  if (service !== "signer" || kind !== "signing-profiles") return undefined;
  const record = registry.named<ProfileRecord>(signingKinds.profile).get(account, `${region}/${profile}`);
  return record?.versions.find((one) => one.version === version);
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function decoded(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isClaims(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & Claims {
  const { digest, job, iat, exp } = value;
  return typeof digest === "string" && typeof job === "string" && typeof iat === "number" && typeof exp === "number";
}
