/**
 * The lines that Lambda itself writes into a function's log, in text format: fields between tabs. Formats as in AWS's
 * examples ("Understanding the Lambda execution environment lifecycle", "Viewing CloudWatch logs") and as
 * today's functions log them; tools parse them with regular expressions.
 */

/** What a REPORT line tells about an invocation. */
export interface Report {
  readonly requestId: string;
  readonly durationMs: number;
  readonly memoryMb: number;
  readonly memoryPeakBytes: number;
  /** of the environment's start, if this invocation was its first */
  readonly initMs?: number | undefined;
  /** of the restore from a snapshot, if this invocation was the first after it; then there is no `initMs` */
  readonly restoreMs?: number | undefined;
  /** of it, what the runtime and its afterRestore hooks took, in whole milliseconds rounded up */
  readonly billedRestoreMs?: number | undefined;
  /** X-Amzn-Trace-Id of a sampled invocation */
  readonly trace?: string | undefined;
  /** as Outcome has it; undefined: it returned */
  readonly errorType?: string | undefined;
  /** bytes of the answer, where somebody wants to know */
  readonly producedBytes?: number | undefined;
  /** the parts of the runtime's time, likewise */
  readonly spans?: readonly Span[] | undefined;
}

/** As the Telemetry API names parts of an event's time. */
export interface Span {
  readonly name: "responseLatency" | "responseDuration";
  /** ISO 8601 */
  readonly start: string;
  readonly durationMs: number;
}

export type Status =
  | { readonly status: "success" }
  | { readonly status: "timeout" }
  | { readonly status: "error"; readonly errorType: string };

/** Types that the platform gives; any other is the function's own exception, which its runtime handled and reported. */
const ofThePlatform = /^(Runtime|Function|Extension|Sandbox)\./;

/**
 * How an invocation or an initialisation ended in the words of the log. An exception that the handler threw is a success
 * here: the runtime did its work.
 */
export function statusOf(errorType: string | undefined): Status {
  if (errorType === "Sandbox.Timedout" || errorType === "timeout") return { status: "timeout" };
  if (errorType === undefined || !ofThePlatform.test(errorType)) return { status: "success" };
  return { status: "error", errorType };
}

/**
 * How an initialisation ended. Any failure is an error here; one that the platform did not name is `Runtime.Unknown`
 * (as AWS's Runtime Interface Emulator maps error types that do not begin with `Runtime.` or `Function.`).
 */
export function initStatusOf(errorType: string | undefined): Status {
  const ended = statusOf(errorType);
  if (errorType === undefined || ended.status !== "success") return ended;
  return { status: "error", errorType: "Runtime.Unknown" };
}

/**
 * Whole milliseconds, rounded up. An init is billed too, for managed runtimes since 2025-08-01 and for custom ones always,
 * and of a restore what REPORT shows as billed ("Monitoring for Lambda SnapStart").
 */
export function billedMs(run: Pick<Report, "durationMs" | "initMs" | "billedRestoreMs">): number {
  return Math.ceil(run.durationMs + (run.initMs ?? 0)) + (run.billedRestoreMs ?? 0);
}

/** Highest memory use in MB, rounded up, never more than the function has. */
export function usedMb(report: Pick<Report, "memoryMb" | "memoryPeakBytes">): number {
  return Math.min(report.memoryMb, Math.ceil(report.memoryPeakBytes / (1024 * 1024)));
}

/** @param version as `nodejs:22.23.3` */
export function initStartLine(version: string, versionArn: string): string {
  return `INIT_START Runtime Version: ${version}\tRuntime Version ARN: ${versionArn}`;
}

/** Lambda writes it in text format when an init fails, and for every snapshot; of a success it names no phase. */
export function initReportLine(durationMs: number, phase: "init" | "invoke", errorType: string | undefined): string {
  const line = `INIT_REPORT Init Duration: ${ms(durationMs)}`;
  return errorType === undefined ? line : `${line}\tPhase: ${phase}${statusFields(initStatusOf(errorType))}`;
}

/** @param version as `nodejs:22.23.3` */
export function restoreStartLine(version: string, versionArn: string): string {
  return `RESTORE_START Runtime Version: ${version}\tRuntime Version ARN: ${versionArn}`;
}

/** @param errorType undefined: the environment is ready; `timeout`, or the type of what a hook threw */
export function restoreReportLine(durationMs: number, errorType: string | undefined): string {
  return `RESTORE_REPORT Restore Duration: ${ms(durationMs)}${statusFields(initStatusOf(errorType))}`;
}

export function startLine(requestId: string, version: string): string {
  return `START RequestId: ${requestId} Version: ${version}`;
}

export function endLine(requestId: string): string {
  return `END RequestId: ${requestId}`;
}

/** How an extension stands when the init is over. */
export function extensionLine(name: string, state: string, events: readonly string[], errorType?: string): string {
  const line = `EXTENSION\tName: ${name}\tState: ${state}\tEvents: [${events.join(", ")}]`;
  return errorType === undefined ? line : `${line}\tError Type: ${errorType}`;
}

export function subscriptionLine(name: string, api: "telemetry" | "logs", types: readonly string[]): string {
  const words = types.map((type) => `${type.slice(0, 1).toUpperCase()}${type.slice(1)}`);
  return `${api.toUpperCase()}\tName: ${name}\tState: Subscribed\tTypes: [${words.join(", ")}]`;
}

/** @param at milliseconds since the epoch */
export function timeoutLine(at: number, requestId: string, timeoutSeconds: number): string {
  return `${new Date(at).toISOString()} ${requestId} Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
}

export function reportLine(report: Report): string {
  let line =
    `REPORT RequestId: ${report.requestId}\tDuration: ${ms(report.durationMs)}` +
    `\tBilled Duration: ${billedMs(report)} ms` +
    `\tMemory Size: ${report.memoryMb} MB\tMax Memory Used: ${usedMb(report)} MB`;
  if (report.initMs !== undefined) line += `\tInit Duration: ${ms(report.initMs)}`;
  if (report.restoreMs !== undefined) line += `\tRestore Duration: ${ms(report.restoreMs)}`;
  if (report.billedRestoreMs !== undefined) line += `\tBilled Restore Duration: ${report.billedRestoreMs} ms`;
  line += statusFields(statusOf(report.errorType));
  const trace = report.trace === undefined ? undefined : sampledTrace(report.trace);
  if (trace !== undefined) line += `\tXRAY TraceId: ${trace.traceId}\tSegmentId: ${trace.segmentId}\tSampled: true`;
  return line;
}

function statusFields(ended: Status): string {
  if (ended.status === "success") return "";
  if (ended.status === "timeout") return "\tStatus: timeout";
  return `\tStatus: error\tError Type: ${ended.errorType}`;
}

/** The ids of `Root=…;Parent=…;Sampled=1`; undefined when the trace is not sampled. */
export function sampledTrace(header: string): { readonly traceId: string; readonly segmentId: string } | undefined {
  const fields = new Map(
    header.split(";").map((field): [string, string] => {
      const [name = "", value = ""] = field.split("=");
      return [name.trim(), value.trim()];
    }),
  );
  const traceId = fields.get("Root");
  if (traceId === undefined || fields.get("Sampled") !== "1") return undefined;
  return { traceId, segmentId: fields.get("Parent") ?? "" };
}

function ms(duration: number): string {
  return `${duration.toFixed(2)} ms`;
}
