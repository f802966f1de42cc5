import { type CodeRef, limits, ServiceError } from "../../model/index.ts";
import { type BucketRecord, type Objects, ObjectsError } from "../../objects/index.ts";
import { checkAccess } from "../aws/s3/access.ts";
import { S3Error } from "../aws/s3/errors.ts";
import type { Caller } from "../caller.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** Where an archive lies, as a request says it. */
export interface ObjectOfCode {
  readonly S3Bucket?: string | undefined;
  readonly S3Key?: string | undefined;
  readonly S3ObjectVersion?: string | undefined;
  readonly S3ObjectStorageMode?: string | undefined;
}

/**
 * Takes an archive out of a bucket. Its bytes are copied in either storage mode, so that a function outlives the object;
 * with REFERENCE the object is named where the code is shown. Throws ServiceError, in the words in which Lambda passes on S3's.
 */
export async function takeObject(
  { artifacts, objects }: Pick<LambdaApiNeeds, "artifacts" | "objects">,
  caller: Caller,
  { S3Bucket = "", S3Key, S3ObjectVersion, S3ObjectStorageMode }: ObjectOfCode,
): Promise<CodeRef> {
  if (S3Key === undefined) {
    throw new ServiceError("InvalidParameterValueException", "Please provide a source for function code.");
  }
  if (objects === undefined) throw new ServiceError("NotImplementedException", "Thaw has no S3 here");
  const record = found(objects, caller, S3Bucket, S3Key, S3ObjectVersion);
  if (record.size === 0) {
    throw new ServiceError("InvalidParameterValueException", "Uploaded file must be a non-empty zip");
  }
  // An archive is never larger than what is in it, but for what the names of its files take.
  if (record.size > limits.unzippedCodeBytes) {
    const words = `Unzipped size must be smaller than ${limits.unzippedCodeBytes} bytes`;
    throw new ServiceError("InvalidParameterValueException", words);
  }
  const pieces: Buffer[] = [];
  for await (const piece of objects.read(record)) pieces.push(piece);
  const code = await artifacts.putZip(Buffer.concat(pieces, record.size));
  if (S3ObjectStorageMode !== "REFERENCE") return code;
  const version = record.version === "null" ? {} : { S3ObjectVersion: record.version };
  return { ...code, reference: { S3Bucket, S3Key, ...version } };
}

function found(objects: Objects, caller: Caller, bucket: string, key: string, version?: string) {
  const there = objects.bucket(bucket);
  if (there !== undefined) checkReading(caller, there, key, version);
  if (there !== undefined && there.region !== caller.region) {
    throw passedOn(
      "PermanentRedirect",
      `The bucket is in this region: ${there.region}. Please use this region to retry the request`,
    );
  }
  try {
    const { record } = objects.find(bucket, key, version);
    if (!record.marker) return record;
  } catch (error) {
    if (error instanceof ObjectsError) throw passedOn(error.code, error.message);
    throw error;
  }
  throw passedOn("NoSuchKey", "The specified key does not exist.");
}

/** Whoever gives code must be able to read it: Lambda does it in their name. Throws AccessDeniedException. */
function checkReading(caller: Caller, bucket: BucketRecord, key: string, version: string | undefined): void {
  try {
    const action = version === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
    checkAccess(caller, action, { name: bucket.name, key, bucket });
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    throw new ServiceError(
      "AccessDeniedException",
      `Your access has been denied by S3, please make sure your request credentials have permission to GetObject for ${bucket.name}/${key}. S3 Error Code: AccessDenied. S3 Error Message: Access Denied`,
    );
  }
}

const passedOn = (code: string, message: string): ServiceError =>
  new ServiceError(
    "InvalidParameterValueException",
    `Error occurred while GetObject. S3 Error Code: ${code}. S3 Error Message: ${message}`,
  );
