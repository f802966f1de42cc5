import type { Invocation } from "../model/index.ts";

/** When a function's time is over: at a moment (milliseconds since the epoch), or so long after it has begun to read the event. */
export type Limit = { readonly deadlineMs: number } | { readonly timeoutMs: number };

/** Header lines of the Runtime API's answer to `next`, as INVOKE carries them (agent/PROTOCOL.md). */
export function headOf(invocation: Invocation, limit: Limit): string {
  let head =
    `Lambda-Runtime-Aws-Request-Id: ${invocation.requestId}\r\n` +
    ("deadlineMs" in limit
      ? `Lambda-Runtime-Deadline-Ms: ${Math.round(limit.deadlineMs)}\r\n`
      : `Lambda-Runtime-Timeout-Ms: ${Math.round(limit.timeoutMs)}\r\n`) +
    `Lambda-Runtime-Invoked-Function-Arn: ${invocation.invokedArn}\r\n` +
    `Lambda-Runtime-Trace-Id: ${invocation.traceId ?? traceIdOf(invocation.requestId)}\r\n`;
  if (invocation.clientContext !== undefined) {
    head += `Lambda-Runtime-Client-Context: ${oneLine(invocation.clientContext)}\r\n`;
  }
  if (invocation.cognitoIdentity !== undefined) {
    head += `Lambda-Runtime-Cognito-Identity: ${oneLine(invocation.cognitoIdentity)}\r\n`;
  }
  // What a tenant may be called has no character that a header may not.
  if (invocation.tenantId !== undefined) head += `Lambda-Runtime-Aws-Tenant-Id: ${invocation.tenantId}\r\n`;
  return head;
}

/** The trace header in a head. */
export function traceIn(head: string): string {
  return /^Lambda-Runtime-Trace-Id: (.*)\r$/m.exec(head)?.[1] ?? "";
}

/** An X-Ray trace header for a caller that sent none: not sampled, its ids taken from the (random) request id. */
function traceIdOf(requestId: string): string {
  const digits = requestId.replaceAll("-", "");
  const seconds = Math.floor(Date.now() / 1e3).toString(16);
  return `Root=1-${seconds}-${digits.slice(0, 24)};Parent=${digits.slice(16, 32)};Sampled=0`;
}

/** JSON may hold line breaks between its tokens, a header may not. Non-ASCII is escaped: header values are Latin-1 to most clients. */
function oneLine(json: string): string {
  return json
    .replace(/[\r\n\t]/g, " ")
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
