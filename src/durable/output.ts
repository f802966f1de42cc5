import type { ErrorObject } from "./records.ts";

/** What a durable function's handler gave back: the SDKs' DurableExecutionInvocationOutput. */
export type HandlerOutput =
  | { readonly status: "SUCCEEDED"; readonly result: string | undefined }
  | { readonly status: "FAILED"; readonly error: ErrorObject }
  | { readonly status: "PENDING" }
  | { readonly status: "invalid"; readonly message: string };

const invalid = (message: string): HandlerOutput => ({ status: "invalid", message });

/** Reads the answer of an invocation; `resultBytes`: how long a result may be. */
export function readOutput(text: string, resultBytes: number): HandlerOutput {
  let output: unknown;
  try {
    output = JSON.parse(text);
  } catch {
    return invalid("Invalid Status in invocation output.");
  }
  if (typeof output !== "object" || output === null) return invalid("Invalid Status in invocation output.");
  const { Status, Result, Error: error } = output as { Status?: unknown; Result?: unknown; Error?: unknown };
  const given = Result !== undefined && Result !== null;
  const failed = error !== undefined && error !== null;
  switch (Status) {
    case "SUCCEEDED":
      if (failed) return invalid("Cannot provide an Error for SUCCEEDED status.");
      if (given && typeof Result !== "string") return invalid("Invalid Result in invocation output.");
      if (given && Buffer.byteLength(Result as string) > resultBytes) {
        return invalid(`Execution output payload size must be less than or equal to ${resultBytes} bytes.`);
      }
      return { status: "SUCCEEDED", result: given ? (Result as string) : undefined };
    case "FAILED":
      if (given) return invalid("Cannot provide a Result for FAILED status.");
      return { status: "FAILED", error: readError(error) };
    case "PENDING":
      return { status: "PENDING" };
    default:
      return invalid("Invalid Status in invocation output.");
  }
}

/** Takes over what an ErrorObject may have, for a function may answer anything. */
function readError(value: unknown): ErrorObject {
  if (typeof value !== "object" || value === null) return {};
  const { ErrorMessage, ErrorType, ErrorData, StackTrace } = value as Record<string, unknown>;
  return {
    ...(typeof ErrorMessage === "string" ? { ErrorMessage } : {}),
    ...(typeof ErrorType === "string" ? { ErrorType } : {}),
    ...(typeof ErrorData === "string" ? { ErrorData } : {}),
    ...(Array.isArray(StackTrace) ? { StackTrace: StackTrace.map(String) } : {}),
  };
}
