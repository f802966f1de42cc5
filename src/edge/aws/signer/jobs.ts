import { randomUUID } from "node:crypto";
import type {
  DescribeSigningJobRequest,
  ListSigningJobsRequest,
  RevokeSignatureRequest,
  SignPayloadRequest,
  StartSigningJobRequest,
} from "@aws-sdk/client-signer";
import type { Scope } from "../../../registry/index.ts";
import type { JobRecord, ProfileRecord } from "../../signing/records.ts";
import { ArchiveError, signArchive } from "../../signing/signatures.ts";
import type { RestCall } from "../rest-json.ts";
import { jobOf, page, profileOf, refusal, type SignerContext, seconds } from "./context.ts";
import { lambdaPlatform } from "./platforms.ts";

/**
 * Signs an object of S3 into another: PREFIX and the job's id, with the ending `.zip`, as AWS names it. The job is over when
 * it is answered; what cannot be signed fails the job, not the request.
 */
export async function startSigningJob(context: SignerContext, { input, scope }: RestCall<StartSigningJobRequest>) {
  const profile = signingProfile(context, scope, input.profileName ?? "");
  const { bucketName = "", key = "", version = "" } = input.source?.s3 ?? {};
  const target = input.destination?.s3;
  if (bucketName === "" || target?.bucketName === undefined) {
    throw refusal("ValidationException", "Source and destination must be in S3.");
  }
  if (context.objects === undefined) {
    throw refusal("NotImplementedException", "Thaw has no S3 here to sign objects of: use SignPayload");
  }
  const job = { ...newJob(context, profile), source: { bucketName, key, version } };
  const signed = { bucketName: target.bucketName, key: `${target.prefix ?? ""}${job.id}.zip` };
  try {
    const zip = await context.objects.read(scope, bucketName, key, version);
    const archive = await signArchive(zip, profile.versions.at(-1)!, job);
    await context.objects.write(scope, signed.bucketName, signed.key, archive);
    context.jobs.put({ ...job, signed, completedAt: context.clock() });
  } catch (error) {
    const statusReason = error instanceof Error ? error.message : String(error);
    context.jobs.put({ ...job, status: "Failed", statusReason, completedAt: context.clock() });
  }
  return { jobId: job.id, jobOwner: scope.account };
}

/**
 * Signs a zip that comes with the request. AWS signs only images of containers this way, and gives back a detached
 * signature; here `signature` is what belongs into the archive's comment (signing/archive.ts), which makes it a signed one.
 */
export async function signPayload(context: SignerContext, { input, scope }: RestCall<SignPayloadRequest>) {
  const profile = signingProfile(context, scope, input.profileName ?? "");
  if (input.payloadFormat !== "application/zip") {
    throw refusal("ValidationException", `The payload's format must be application/zip, not ${input.payloadFormat}.`);
  }
  const job = newJob(context, profile);
  const payload = input.payload ?? new Uint8Array();
  try {
    const signed = await signArchive(payload, profile.versions.at(-1)!, job);
    context.jobs.put(job);
    const comment = signed.subarray(signed.lastIndexOf("thaw-signature:"));
    return { jobId: job.id, jobOwner: scope.account, signature: comment.toString("base64"), metadata: {} };
  } catch (error) {
    if (error instanceof ArchiveError) throw refusal("ValidationException", error.message);
    throw error;
  }
}

export function describeSigningJob(context: SignerContext, { input, scope }: RestCall<DescribeSigningJobRequest>) {
  const job = jobOf(context, scope, input.jobId ?? "");
  const { revocation } = job;
  return {
    ...jobView(job),
    completedAt: seconds(job.completedAt),
    requestedBy: `arn:aws:iam::${job.account}:root`,
    ...(job.statusReason === undefined ? {} : { statusReason: job.statusReason }),
    ...(revocation === undefined
      ? {}
      : {
          revocationRecord: {
            reason: revocation.reason,
            revokedAt: seconds(revocation.at),
            revokedBy: revocation.by,
          },
        }),
  };
}

export function listSigningJobs(context: SignerContext, { input, scope }: RestCall<ListSigningJobsRequest>) {
  const own = context.jobs.list(scope.account).filter((job) => {
    if (job.region !== scope.region) return false;
    if (input.status !== undefined && input.status !== job.status) return false;
    if (input.platformId !== undefined && input.platformId !== job.platformId) return false;
    return input.isRevoked === undefined || input.isRevoked === (job.revocation !== undefined);
  });
  const { items, nextToken } = page(own, input.nextToken, input.maxResults);
  const jobs = items.map((job) => ({ ...jobView(job), isRevoked: job.revocation !== undefined }));
  return { jobs, ...(nextToken === undefined ? {} : { nextToken }) };
}

/** What this job signed is not accepted any more. */
export function revokeSignature(context: SignerContext, { input, scope }: RestCall<RevokeSignatureRequest>) {
  const job = jobOf(context, scope, input.jobId ?? "");
  if (job.status !== "Succeeded") throw refusal("ValidationException", "The signing job has signed nothing.");
  const by = `arn:aws:iam::${scope.account}:root`;
  context.jobs.put({ ...job, revocation: { reason: input.reason ?? "", at: context.clock(), by } });
  return undefined;
}

function signingProfile(context: SignerContext, scope: Scope, name: string): ProfileRecord {
  const profile = profileOf(context, scope, name);
  const { status } = profile.versions.at(-1)!;
  if (status === "Active") return profile;
  throw refusal("ValidationException", `Signing profile ${name} is ${status} and cannot sign.`);
}

function newJob(context: SignerContext, profile: ProfileRecord): JobRecord {
  const id = randomUUID();
  const now = context.clock();
  const expires = new Date(now);
  const { value, type } = profile.validity;
  if (type === "DAYS") expires.setUTCDate(expires.getUTCDate() + value);
  if (type === "MONTHS") expires.setUTCMonth(expires.getUTCMonth() + value);
  if (type === "YEARS") expires.setUTCFullYear(expires.getUTCFullYear() + value);
  return {
    account: profile.account,
    region: profile.region,
    name: `${profile.region}/${id}`,
    id,
    profile: profile.profile,
    version: profile.versions.at(-1)!.version,
    platformId: profile.platformId,
    status: "Succeeded",
    createdAt: now,
    completedAt: now,
    expiresAt: expires.getTime(),
  };
}

function jobView(job: JobRecord) {
  return {
    jobId: job.id,
    platformId: job.platformId,
    platformDisplayName: lambdaPlatform.displayName,
    profileName: job.profile,
    profileVersion: job.version,
    createdAt: seconds(job.createdAt),
    signatureExpiresAt: seconds(job.expiresAt),
    status: job.status,
    jobOwner: job.account,
    jobInvoker: job.account,
    ...(job.source === undefined ? {} : { source: { s3: job.source } }),
    ...(job.signed === undefined ? {} : { signedObject: { s3: job.signed } }),
  };
}
