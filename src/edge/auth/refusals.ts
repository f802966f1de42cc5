import type { IncomingMessage, ServerResponse } from "node:http";
import { type ErrorCode, ServiceError } from "../../model/index.ts";
import { sendError } from "../answer.ts";
import { writeXml } from "../aws/xml.ts";
import { type Reason, Refusal } from "./refusal.ts";

/** How a service's errors are written. */
export type Protocol = "rest-json" | "json" | "query" | "rest-xml";

/** Source: Lambda API Reference, "Common Error Types"; the JSON protocols share them. */
const jsonCodes: Readonly<Record<Reason, ErrorCode>> = {
  missing: "MissingAuthenticationTokenException",
  incomplete: "IncompleteSignatureException",
  "unknown-key": "UnrecognizedClientException",
  mismatch: "InvalidSignatureException",
  skewed: "InvalidSignatureException",
  "expired-session": "ExpiredTokenException",
  "expired-url": "InvalidSignatureException",
  "tampered-body": "InvalidSignatureException",
  replayed: "InvalidSignatureException",
  denied: "AccessDeniedException",
};

/** Source: IAM API Reference, "Common Errors"; and what STS answers. */
const queryCodes: Readonly<Record<Reason, string>> = {
  missing: "MissingAuthenticationToken",
  incomplete: "IncompleteSignature",
  "unknown-key": "InvalidClientTokenId",
  mismatch: "SignatureDoesNotMatch",
  skewed: "SignatureDoesNotMatch",
  "expired-session": "ExpiredToken",
  "expired-url": "SignatureDoesNotMatch",
  "tampered-body": "SignatureDoesNotMatch",
  replayed: "SignatureDoesNotMatch",
  denied: "AccessDenied",
};

/** Code, status, and S3's own text. Source: S3 API Reference, "Error Responses". */
const s3Codes: Readonly<Record<Reason, readonly [code: string, status: number, text?: string]>> = {
  missing: ["AccessDenied", 403, "Access Denied"],
  incomplete: ["AuthorizationHeaderMalformed", 400],
  "unknown-key": ["InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."],
  mismatch: [
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  ],
  skewed: ["RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."],
  "expired-session": ["ExpiredToken", 400, "The provided token has expired."],
  "expired-url": ["AccessDenied", 403, "Request has expired"],
  "tampered-body": [
    "XAmzContentSHA256Mismatch",
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
  replayed: ["SignatureDoesNotMatch", 403],
  denied: ["AccessDenied", 403],
};

/** The same for those who write S3's errors themselves. */
export function s3Refusal({ reason, message }: Refusal): { code: string; status: number; message: string } {
  const [code, status, text] = s3Codes[reason];
  return { code, status, message: text ?? message };
}

/** What a room that throws ServiceErrors would throw. */
export const serviceRefusal = ({ reason, message }: Refusal): ServiceError =>
  new ServiceError(jsonCodes[reason], message);

/** Answers a request that was not let in, in the words of the service that it was meant for. */
export function sendRefusal(
  protocol: Protocol,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  error: unknown,
  report: (error: unknown) => void,
): void {
  // Whoever is still writing would not see the answer.
  request.resume();
  if (!(error instanceof Refusal)) {
    sendError(response, requestId, error, report);
  } else if (protocol === "rest-json") {
    sendError(response, requestId, serviceRefusal(error), report);
  } else if (protocol === "json") {
    const { code, message } = serviceRefusal(error);
    const text = JSON.stringify({ __type: code, message });
    send(response, 400, requestId, "application/x-amz-json-1.1", text, { "x-amzn-errortype": code });
  } else if (protocol === "query") {
    const detail = { Type: "Sender", Code: queryCodes[error.reason], Message: error.message };
    const text = `<ErrorResponse>${writeXml({ Error: detail, RequestId: requestId })}</ErrorResponse>`;
    send(response, error.reason === "incomplete" ? 400 : 403, requestId, "text/xml", text);
  } else {
    const { code, status, message } = s3Refusal(error);
    const document = writeXml({ Error: { Code: code, Message: message, RequestId: requestId } });
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n${document}`;
    send(response, status, requestId, "application/xml", text, { "x-amz-request-id": requestId });
  }
}

function send(
  response: ServerResponse,
  status: number,
  requestId: string,
  type: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, {
    "content-type": type,
    "content-length": length,
    "x-amzn-requestid": requestId,
    ...headers,
  });
  response.end(text);
}
