import type { ExtensionFault } from "../extensions/index.ts";
import type { FunctionFailure } from "../model/index.ts";
import type { RuntimeExit } from "./link.ts";

/** A failure with the text that goes to the function's log. */
export interface LoggedFailure extends FunctionFailure {
  /** undefined: the runtime has logged it itself */
  readonly logged: string | undefined;
}

/** What the runtime itself reported: its document goes to the caller unchanged. */
export function reported(errorType: string, document: Buffer): LoggedFailure {
  return { functionError: "Unhandled", errorType: errorType || typeIn(document), payload: document, logged: undefined };
}

/** The runtime's process is gone. Words as the Runtime Interface Emulator's, which are Go's for a wait status. */
export function exited(requestId: string, status: RuntimeExit, outOfMemory: boolean): LoggedFailure {
  const errorType = outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
  const what = exitWords(status);
  return platformFailure(requestId, errorType, what, `RequestId: ${requestId} Error: ${what}\n${errorType}`);
}

/** An extension's process is gone, or it said that it cannot go on. */
export function extensionFailed(requestId: string, { errorType, what }: ExtensionFault): LoggedFailure {
  return platformFailure(requestId, errorType, what, `RequestId: ${requestId} Error: ${what}\n${errorType}`);
}

/** The function overstayed its timeout (seconds). */
export function timedOut(requestId: string, seconds: number): LoggedFailure {
  const what = `Task timed out after ${seconds.toFixed(2)} seconds`;
  return platformFailure(requestId, "Sandbox.Timedout", what, `${new Date().toISOString()} ${requestId} ${what}`);
}

/** A buffered answer above the limit. */
export function answerTooLarge(requestId: string, limit: number): LoggedFailure {
  const errorType = "Function.ResponseSizeTooLarge";
  const what = `Response payload size exceeded maximum allowed payload size (${limit} bytes).`;
  const document = { errorType, errorMessage: what };
  return {
    functionError: "Unhandled",
    errorType,
    payload: Buffer.from(JSON.stringify(document)),
    logged: `RequestId: ${requestId} Error: ${what}\n${errorType}`,
  };
}

function platformFailure(requestId: string, errorType: string, what: string, logged: string): LoggedFailure {
  const document = { errorType, errorMessage: `RequestId: ${requestId} Error: ${what}` };
  return { functionError: "Unhandled", errorType, payload: Buffer.from(JSON.stringify(document)), logged };
}

const signalWords: Readonly<Record<string, string>> = {
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGSYS: "bad system call",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
  SIGXCPU: "CPU time limit exceeded",
  SIGXFSZ: "file size limit exceeded",
};

function exitWords(status: RuntimeExit): string {
  if (status.signal) return `Runtime exited with error: signal: ${signalWords[status.signal] ?? status.signal}`;
  if (status.code) return `Runtime exited with error: exit status ${status.code}`;
  return "Runtime exited without providing a reason";
}

function typeIn(document: Buffer): string {
  try {
    const parsed: unknown = JSON.parse(document.toString());
    const errorType = (parsed as { errorType?: unknown } | null)?.errorType;
    if (typeof errorType === "string" && errorType) return errorType;
  } catch {
    // Not JSON: the runtime may write what it likes.
  }
  return "Runtime.Unknown";
}

/** The message of an error document, or as much of the document as a line holds. */
export function messageIn(document: Buffer): string {
  try {
    const parsed = JSON.parse(document.toString()) as { errorMessage?: unknown } | null;
    if (typeof parsed?.errorMessage === "string") return parsed.errorMessage;
  } catch {
    // Not JSON: the runtime may write what it likes.
  }
  return document.toString("utf8", 0, 500);
}
