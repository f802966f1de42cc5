import { createHash } from "node:crypto";
import type { FunctionVersion, Invocation } from "../model/index.ts";
import type * as lines from "./lines.ts";

/** What is known when the runtime has done with an event. */
export interface DoneRun extends Pick<EndedRun, "durationMs" | "errorType"> {
  /** bytes of the answer, where they were counted */
  readonly producedBytes: number | undefined;
  /** from the beginning until the answer began to come, milliseconds; undefined: there was none */
  readonly firstMs: number | undefined;
}

/** What REPORT says. */
export interface EndedRun {
  readonly durationMs: number;
  readonly initMs: number | undefined;
  /** of the first invocation after a restore: all of it, and what the runtime and its hooks took of it */
  readonly restore?: { readonly durationMs: number; readonly runtimeMs: number } | undefined;
  readonly memoryPeakBytes: number;
  readonly errorType: string | undefined;
  readonly tail: boolean;
}

/** A line in JSON log format as a document; as it is where it is none. */
export function recordOf(line: string): string | Record<string, unknown> {
  try {
    const document: unknown = line.startsWith("{") ? JSON.parse(line) : undefined;
    return typeof document === "object" && document !== null ? (document as Record<string, unknown>) : line;
  } catch {
    return line;
  }
}

/** An answer's parts: until it begins, and until it has come. `began`: milliseconds since the epoch. */
export function spansOf(began: number, firstMs: number, durationMs: number): readonly lines.Span[] {
  const at = (ms: number) => new Date(began + ms).toISOString();
  return [
    { name: "responseLatency", start: at(0), durationMs: firstMs },
    { name: "responseDuration", start: at(firstMs), durationMs: durationMs - firstMs },
  ];
}

/** What REPORT says of an invocation that ended so. */
export function reportOf(target: FunctionVersion, invocation: Invocation, run: EndedRun): lines.Report {
  const timedOut = run.errorType === "Sandbox.Timedout";
  return {
    requestId: invocation.requestId,
    // Lambda reports a timeout as having taken exactly that long.
    durationMs: timedOut ? Math.min(run.durationMs, target.timeoutSeconds * 1000) : run.durationMs,
    memoryMb: target.memoryMb,
    memoryPeakBytes: run.memoryPeakBytes,
    initMs: run.initMs,
    restoreMs: run.restore?.durationMs,
    billedRestoreMs: run.restore === undefined ? undefined : Math.ceil(run.restore.runtimeMs),
    trace: target.tracing === "Active" ? invocation.traceId : undefined,
    errorType: run.errorType,
  };
}

/** How a runtime is named in a log. */
interface RuntimeNames {
  /** `nodejs:22.23.3`; `provided:al2023`, as Lambda writes them */
  readonly version: string;
  readonly arn: string;
}

/** The runtime version and an ARN that, as Lambda's, is the same wherever the very same version runs. */
export function runtimeNames(target: FunctionVersion, exact: string): RuntimeNames {
  const language = /^[a-z]+/.exec(target.runtime)?.[0] ?? target.runtime;
  const version = `${language}:${exact || target.runtime.slice(language.length).replace(/^\./, "") || "latest"}`;
  const digest = createHash("sha256").update(`${target.runtime} ${version}`).digest("hex");
  return { version, arn: `arn:aws:lambda:${target.region}::runtime:${digest}` };
}

/** Which environment it is, as events of the platform say it. */
export function environmentOf(target: FunctionVersion, stream: string, runtime: RuntimeNames) {
  return {
    functionName: target.name,
    functionVersion: target.version,
    instanceId: stream.slice(stream.lastIndexOf("]") + 1),
    memoryMb: target.memoryMb,
    runtimeVersion: runtime.version,
    runtimeVersionArn: runtime.arn,
  };
}
