/** S3's codes for what a bucket or an object refuses. */
export type FailureCode =
  | "BucketAlreadyExists"
  | "BucketAlreadyOwnedByYou"
  | "BucketNotEmpty"
  | "NoSuchBucket"
  | "NoSuchKey"
  | "NoSuchVersion"
  | "NoSuchUpload"
  | "MethodNotAllowed"
  | "InvalidPart"
  | "InvalidPartOrder"
  | "EntityTooSmall"
  | "PreconditionFailed"
  | "BadDigest"
  | "InvalidRequest"
  | "ConditionalRequestConflict";

/** What cannot be done to a bucket or an object, in S3's words. `fields` stand beside the message. */
export class ObjectsError extends Error {
  readonly code: FailureCode;
  readonly fields: Readonly<Record<string, string | number>>;

  constructor(code: FailureCode, message: string, fields: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = "ObjectsError";
    this.code = code;
    this.fields = fields;
  }
}

export const noSuchBucket = (bucket: string): ObjectsError =>
  new ObjectsError("NoSuchBucket", "The specified bucket does not exist", { BucketName: bucket });
export const noSuchKey = (key: string): ObjectsError =>
  new ObjectsError("NoSuchKey", "The specified key does not exist.", { Key: key });
export const noSuchVersion = (key: string, version: string): ObjectsError =>
  new ObjectsError("NoSuchVersion", "The specified version does not exist.", { Key: key, VersionId: version });
export const noSuchUpload = (id: string): ObjectsError =>
  new ObjectsError(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { UploadId: id },
  );
export const preconditionFailed = (condition: string): ObjectsError =>
  new ObjectsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    Condition: condition,
  });
