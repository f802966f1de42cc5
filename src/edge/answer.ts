import type { ServerResponse } from "node:http";
import { ServiceError } from "../model/index.ts";

/**
 * Codes whose shape in Lambda's service model calls the text `message`; all the others call it `Message`. Clients of
 * compiled languages read one of the two only. A test holds this equal to the model.
 */
export const lowerCaseMessage: ReadonlySet<string> = new Set([
  "CapacityProviderLimitExceededException",
  "CodeStorageExceededException",
  "InvalidParameterValueException",
  "InvalidRequestContentException",
  "PolicyLengthExceededException",
  "PreconditionFailedException",
  "ProvisionedConcurrencyConfigNotFoundException",
  "RequestTooLargeException",
  "ResourceConflictException",
  "ResourceNotReadyException",
  "TooManyRequestsException",
  "UnsupportedMediaTypeException",
  // Not of Lambda's model but of AWS's front end, which writes it so.
  "ExpiredTokenException",
  "IncompleteSignatureException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "RequestEntityTooLargeException",
  "SerializationException",
  "UnknownOperationException",
  "UnrecognizedClientException",
  "ValidationException",
]);

/**
 * Codes of AWS's front end, which says who is to blame by the status alone: `{"message":"1 validation error detected: …"}`.
 * `Type` is a member of the errors of Lambda's model.
 */
const untyped: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "MissingAuthenticationTokenException",
  "RequestEntityTooLargeException",
  "SerializationException",
  "UnknownOperationException",
  "ValidationException",
]);

/** Writes a document as the whole answer. */
export function sendJson(
  response: ServerResponse,
  status: number,
  requestId: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(text) }),
    "x-amzn-requestid": requestId,
    ...headers,
  });
  response.end(status === 204 ? undefined : text);
}

/**
 * Writes a failure as REST-JSON: code in `x-amzn-errortype`, `Type` (if any) and `Message` (or `message`) in the body.
 * Whatever is no ServiceError is our fault: it is reported and answered as ServiceException.
 */
export function sendError(
  response: ServerResponse,
  requestId: string,
  thrown: unknown,
  report: (error: unknown) => void,
): void {
  if (response.headersSent) {
    // Half an answer is out: breaking the connection is the only honest end.
    report(thrown);
    response.destroy();
    return;
  }
  const error = serviceError(thrown, report);
  const { retryAfterSeconds, ...fields } = error.fields;
  const text = lowerCaseMessage.has(error.code) ? { message: error.message } : { Message: error.message };
  const headers: Record<string, string> = { "x-amzn-errortype": error.code };
  if (retryAfterSeconds !== undefined) headers["retry-after"] = String(retryAfterSeconds);
  const type = untyped.has(error.code) ? {} : { Type: error.kind.blame };
  sendJson(response, error.kind.status, requestId, { ...type, ...text, ...fields }, headers);
}

/** The thrown value if it is one of ours; anything else is reported and hidden. */
export function serviceError(thrown: unknown, report: (error: unknown) => void): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  report(thrown);
  return new ServiceError("ServiceException", "The service encountered an internal error.", {}, { cause: thrown });
}
