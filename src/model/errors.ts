/**
 * Failures of the platform or of a request, as Lambda names them. A failure of the customer's code is not an error here:
 * it is an Outcome (outcome.ts). Tests compare codes, never texts.
 */
export interface ServiceErrorKind {
  /** HTTP status of the REST-JSON answer */
  readonly status: number;
  /** AWS's `Type` member: who is to blame */
  readonly blame: "User" | "Server";
  readonly retryable: boolean;
}

const user = (status: number, retryable = false): ServiceErrorKind => ({ status, blame: "User", retryable });
const server = (status: number, retryable = true): ServiceErrorKind => ({ status, blame: "Server", retryable });

/** Every code this platform answers with. Source: the errors of Lambda's public service model. */
export const errorTable = Object.freeze({
  AccessDeniedException: user(403),
  /** of API Gateway */
  BadRequestException: user(400),
  CapacityProviderLimitExceededException: user(400),
  CodeSigningConfigNotFoundException: user(404),
  /** the callback of a durable execution is over */
  CallbackTimeoutException: user(400),
  CodeStorageExceededException: user(400),
  DurableExecutionAlreadyStartedException: user(409),
  CodeVerificationFailedException: user(400),
  /** of the Scheduler */
  ConflictException: user(409),
  /** a session's credentials are over */
  ExpiredTokenException: user(403),
  IncompleteSignatureException: user(403),
  InvalidCodeSignatureException: user(400),
  InvalidParameterValueException: user(400),
  InvalidRequestContentException: user(400),
  /** of X-Ray */
  InvalidRequestException: user(400),
  InvalidRuntimeException: server(502),
  InvalidSignatureException: user(403),
  InvalidZipFileException: server(502),
  MissingAuthenticationTokenException: user(403),
  /** a function's key cannot open its environment variables */
  KMSDisabledException: server(502),
  KMSInvalidStateException: server(502),
  KMSNotFoundException: server(502),
  /** of API Gateway */
  NotFoundException: user(404),
  PolicyLengthExceededException: user(400),
  PreconditionFailedException: user(412),
  ProvisionedConcurrencyConfigNotFoundException: user(404),
  /** the function runs in a loop of requests that it began itself */
  RecursiveInvocationException: user(400),
  /** of the front end, for what is larger than any request may be */
  RequestEntityTooLargeException: user(413),
  RequestTooLargeException: user(413),
  ResourceConflictException: user(409),
  ResourceInUseException: user(400),
  ResourceNotFoundException: user(404),
  ResourceNotReadyException: server(502),
  SerializationException: user(400),
  ServiceException: server(500),
  /** an afterRestore hook failed */
  SnapStartException: user(400),
  /** the snapshot of a published version is still being made */
  SnapStartNotReadyException: user(409),
  /** the afterRestore hooks took more than `limits.restoreSeconds` */
  SnapStartTimeoutException: user(408),
  TooManyRequestsException: user(429, true),
  UnknownOperationException: user(404),
  /** the access key is nobody's */
  UnrecognizedClientException: user(403),
  UnsupportedMediaTypeException: user(415),
  NotImplementedException: server(501, false),
  ValidationException: user(400),
} satisfies Record<string, ServiceErrorKind>);

export type ErrorCode = keyof typeof errorTable;

/** An answer of the platform that is not a success. `fields` go into the JSON body beside `Type` and `Message` (`Reason`, `retryAfterSeconds` …). */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = code;
    this.code = code;
    this.fields = fields;
  }

  get kind(): ServiceErrorKind {
    return errorTable[this.code];
  }
}

/** Why an invocation was throttled: `Reason` of TooManyRequestsException. */
export type ThrottleReason =
  | "ConcurrentInvocationLimitExceeded"
  | "ReservedFunctionConcurrentInvocationLimitExceeded"
  | "FunctionInvocationRateLimitExceeded"
  | "ReservedFunctionInvocationRateLimitExceeded"
  | "CallerRateLimitExceeded"
  | "ConcurrentSnapshotCreateLimitExceeded";
