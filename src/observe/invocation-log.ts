import { createHash } from "node:crypto";
import { type FunctionVersion, type Invocation, limits } from "../model/index.ts";
import { applicationLine } from "./application-line.ts";
import { createLineSplitter } from "./line-splitter.ts";
import { endLine, initReportLine, initStartLine, type Report, reportLine, startLine } from "./lines.ts";
import { createLogTail, type LogTail } from "./log-tail.ts";
import * as system from "./system-events.ts";

export interface InvocationLogNeeds {
  readonly target: FunctionVersion;
  /** `YYYY/MM/DD/[version]<32 hex>` */
  readonly stream: string;
  append(account: string, group: string, stream: string, timestampMs: number, message: string): void;
  /** milliseconds since the epoch */
  clock(): number;
}

/** The log of one environment: everything it prints and what the platform says about it, into its stream. */
export interface InvocationLog {
  initStart(runtimeVersion: string): void;
  /** Of an init that failed. `errorType`: "timeout" or the runtime's error type */
  initReport(durationMs: number, phase: "init" | "invoke", errorType: string): void;
  begin(invocation: Invocation): void;
  /** source 0 stdout, 1 stderr (raw bytes, split at newlines), 2 one whole message of the runtime */
  write(source: number, bytes: Buffer): void;
  /** a text of the platform about the invocation that runs */
  platform(text: string): void;
  /** Ends the invocation's log with END and REPORT; returns its last 4 KB when asked for. */
  end(report: {
    readonly durationMs: number;
    readonly initMs: number | undefined;
    readonly memoryPeakBytes: number;
    readonly errorType: string | undefined;
    readonly tail: boolean;
  }): Buffer | undefined;
}

/** Bytes of one log event (CloudWatch Logs quotas: 256 KB when Lambda's log support was made). */
const eventBytes = 256 * 1024;

export function openInvocationLog(needs: InvocationLogNeeds): InvocationLog {
  const { target, stream } = needs;
  const isJson = target.logFormat === "JSON";
  let invocation: Invocation | undefined;
  let tail: LogTail | undefined;

  const put = (message: string, at: number): void => {
    needs.append(target.account, target.logGroup, stream, at, message);
    tail?.push(message);
  };

  const putSystem = (event: system.SystemEvent): void => {
    const at = needs.clock();
    const line = system.systemLine(event, at, target.systemLogLevel);
    if (line !== undefined) put(line, at);
  };

  const putOwn = (text: string): void => {
    const at = needs.clock();
    const line = isJson ? applicationLine(text, at, invocation?.requestId, target.applicationLogLevel) : text;
    if (line !== undefined) put(line, at);
  };

  const newSplitter = () => createLineSplitter(eventBytes, (line) => putOwn(line.toString()));
  const outputs = [newSplitter(), newSplitter()];

  const endOutputs = (): void => {
    for (const output of outputs) output.end();
  };

  return {
    initStart(runtimeVersion) {
      const runtime = runtimeNames(target, runtimeVersion);
      if (isJson) putSystem(system.initStart(environmentOf(target, stream, runtime)));
      else put(initStartLine(runtime.version, runtime.arn), needs.clock());
    },
    initReport(durationMs, phase, errorType) {
      endOutputs();
      if (isJson) {
        putSystem(system.initRuntimeDone(phase, errorType));
        putSystem(system.initReport(durationMs, phase, errorType));
      } else {
        put(initReportLine(durationMs, phase, errorType), needs.clock());
      }
    },
    begin(next) {
      endOutputs(); // what an init printed without a newline
      invocation = next;
      tail = next.tail ? createLogTail(limits.logTailBytes) : undefined;
      if (isJson) putSystem(system.start(next.requestId, target.version, next.traceId));
      else put(startLine(next.requestId, target.version), needs.clock());
    },
    write(source, bytes) {
      const output = outputs[source];
      if (output !== undefined) output.push(bytes);
      else putOwn(messageOf(bytes));
    },
    platform(text) {
      endOutputs();
      putOwn(text);
    },
    end(run) {
      endOutputs();
      const report = reportOf(target, invocation!, run);
      if (isJson) {
        putSystem(system.runtimeDone(report));
        putSystem(system.report(report));
      } else {
        const at = needs.clock();
        put(endLine(report.requestId), at);
        put(reportLine(report), at);
      }
      const last = run.tail ? tail?.take() : undefined;
      invocation = undefined;
      tail = undefined;
      return last;
    },
  };
}

/** A framed message without the newline it may end with, cut to the size of an event. */
function messageOf(bytes: Buffer): string {
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  return bytes.toString("utf8", 0, Math.min(end, eventBytes));
}

function reportOf(target: FunctionVersion, invocation: Invocation, run: Parameters<InvocationLog["end"]>[0]): Report {
  const timedOut = run.errorType === "Sandbox.Timedout";
  return {
    requestId: invocation.requestId,
    // Lambda reports a timeout as having taken exactly that long.
    durationMs: timedOut ? Math.min(run.durationMs, target.timeoutSeconds * 1000) : run.durationMs,
    memoryMb: target.memoryMb,
    memoryPeakBytes: run.memoryPeakBytes,
    initMs: run.initMs,
    trace: target.tracing === "Active" ? invocation.traceId : undefined,
    errorType: run.errorType,
  };
}

interface RuntimeNames {
  /** `nodejs:22.23.3`; `provided:al2023`, as Lambda writes them */
  readonly version: string;
  readonly arn: string;
}

/** The runtime version and an ARN that, as Lambda's, is the same wherever the very same version runs. */
function runtimeNames(target: FunctionVersion, exact: string): RuntimeNames {
  const language = /^[a-z]+/.exec(target.runtime)?.[0] ?? target.runtime;
  const version = `${language}:${exact || target.runtime.slice(language.length).replace(/^\./, "") || "latest"}`;
  const digest = createHash("sha256").update(`${target.runtime} ${version}`).digest("hex");
  return { version, arn: `arn:aws:lambda:${target.region}::runtime:${digest}` };
}

function environmentOf(target: FunctionVersion, stream: string, runtime: RuntimeNames): system.Environment {
  return {
    functionName: target.name,
    functionVersion: target.version,
    instanceId: stream.slice(stream.lastIndexOf("]") + 1),
    memoryMb: target.memoryMb,
    runtimeVersion: runtime.version,
    runtimeVersionArn: runtime.arn,
  };
}
