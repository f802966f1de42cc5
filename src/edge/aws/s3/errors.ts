import { type FailureCode, ObjectsError } from "../../../objects/index.ts";
import { Refusal, s3Refusal } from "../../auth/index.ts";

/** S3's codes and their statuses. Source: S3 API Reference, "Error Responses". */
const statuses = {
  AccessControlListNotSupported: 400,
  AccessDenied: 403,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyExists: 409,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  ConditionalRequestConflict: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IllegalLocationConstraintException: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidBucketState: 409,
  InvalidDigest: 400,
  InvalidEncryptionAlgorithmError: 400,
  InvalidLocationConstraint: 400,
  InvalidPart: 400,
  InvalidPartNumber: 416,
  InvalidPartOrder: 400,
  InvalidPolicyDocument: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidStorageClass: 400,
  InvalidTag: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedPolicy: 400,
  MalformedPOSTRequest: 400,
  MalformedTrailerError: 400,
  MalformedXML: 400,
  MaxMessageLengthExceeded: 400,
  MaxPostPreDataLengthExceeded: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  MissingRequestBodyError: 400,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchConfiguration: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NoSuchWebsiteConfiguration: 404,
  NotImplemented: 501,
  ObjectLockConfigurationNotFoundError: 404,
  OwnershipControlsNotFoundError: 404,
  PreconditionFailed: 412,
  ReplicationConfigurationNotFoundError: 404,
  RequestTimeTooSkewed: 403,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3Code = keyof typeof statuses;

type Fields = Readonly<Record<string, string | number>>;

/** A refusal in S3's words. `fields` are further elements of its document, `headers` of its answer. */
export class S3Error extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Fields;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: S3Code, message: string, fields: Fields = {}, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = statuses[code];
    this.fields = fields;
    this.headers = headers;
  }
}

interface Told {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly fields: Fields;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is said about whatever was thrown. Undefined: it is our fault, and nobody's business. */
export function told(error: unknown): Told | undefined {
  if (error instanceof S3Error) return error;
  if (error instanceof ObjectsError) {
    const code: FailureCode = error.code;
    return { code, status: statuses[code], message: error.message, fields: error.fields, headers: {} };
  }
  if (error instanceof Refusal) return { ...s3Refusal(error), fields: {}, headers: {} };
  return undefined;
}

export const invalidArgument = (message: string, name: string, value: string): S3Error =>
  new S3Error("InvalidArgument", message, { ArgumentName: name, ArgumentValue: value });

export const malformed = (): S3Error =>
  new S3Error(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
