import { MessageRefusal } from "../../../messages/index.ts";
import { ServiceError } from "../../../model/index.ts";

/** A refusal in both of SQS's protocols. */
export interface Failure {
  /** in the JSON protocol */
  readonly shape: string;
  /** in the Query protocol, and in x-amzn-query-error */
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly fault: "Sender" | "Receiver";
}

const prefixed: ReadonlySet<string> = new Set([
  "BatchEntryIdsNotDistinct",
  "BatchRequestTooLong",
  "EmptyBatchRequest",
  "InvalidBatchEntryId",
  "MessageNotInflight",
  "PurgeQueueInProgress",
  "QueueDeletedRecently",
  "TooManyEntriesInBatchRequest",
  "UnsupportedOperation",
]);
/** Names that changed with the JSON protocol. Source: the shapes' awsQueryError traits in the public model. */
const queryCodes: Readonly<Record<string, string>> = {
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  QueueNameExists: "QueueAlreadyExists",
  InvalidParameterValueException: "InvalidParameterValue",
  MissingRequiredParameterException: "MissingParameter",
  AccessDeniedException: "AccessDenied",
};
const statuses: Readonly<Record<string, number>> = {
  OverLimit: 403,
  PurgeQueueInProgress: 403,
  AccessDeniedException: 403,
  ResourceNotFoundException: 404,
};

export const codeOf = (shape: string): string =>
  queryCodes[shape] ?? (prefixed.has(shape) ? `AWS.SimpleQueueService.${shape}` : shape);

export function failureOf(error: unknown, report: (error: unknown) => void): Failure {
  if (error instanceof MessageRefusal) return sender(error.code, error.message, statuses[error.code] ?? 400);
  if (error instanceof ServiceError) return ofServiceError(error);
  report(error);
  const message = "We encountered an internal error. Please try again.";
  return { shape: "InternalFailure", code: "InternalFailure", status: 500, message, fault: "Receiver" };
}

function ofServiceError({ code, kind, message }: ServiceError): Failure {
  if (code === "ValidationException") return sender("InvalidParameterValueException", message, 400);
  return sender(code, message, statuses[code] ?? kind.status);
}

const sender = (shape: string, message: string, status: number): Failure => ({
  shape,
  code: codeOf(shape),
  status,
  message,
  fault: "Sender",
});
