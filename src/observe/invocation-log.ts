import { type FunctionVersion, type Invocation, limits } from "../model/index.ts";
import { applicationLine } from "./application-line.ts";
import {
  type DoneRun,
  type EndedRun,
  environmentOf,
  recordOf,
  reportOf,
  runtimeNames,
  spansOf,
} from "./invocation-facts.ts";
import { createLineSplitter, type LineSplitter } from "./line-splitter.ts";
import * as lines from "./lines.ts";
import { createLogTail, type LogTail } from "./log-tail.ts";
import * as system from "./system-events.ts";

export interface InvocationLogNeeds {
  readonly target: FunctionVersion;
  /** `YYYY/MM/DD/[version]<32 hex>` */
  readonly stream: string;
  append(account: string, group: string, stream: string, timestampMs: number, message: string): void;
  /** milliseconds since the epoch */
  clock(): number;
  /** how the environment is initialised; undefined: as the version has it, `snap-start` or `on-demand` */
  readonly initializationType?: system.InitializationType | undefined;
}

/** One event of the Telemetry API ("Lambda Telemetry API Event schema reference"). */
export interface TelemetryEvent {
  /** ISO 8601 */
  readonly time: string;
  /** `platform.…`, `function` or `extension` */
  readonly type: string;
  readonly record: string | Readonly<Record<string, unknown>>;
}

/** The log of one environment: everything it prints and what the platform says about it, into its stream. */
export interface InvocationLog {
  initStart(runtimeVersion: string): void;
  /** Of an init that failed (`errorType`: `timeout` or the runtime's error type), or of one for a snapshot. */
  initReport(durationMs: number, phase: "init" | "invoke", errorType: string | undefined): void;
  restoreStart(runtimeVersion: string): void;
  /** `errorType`: undefined when all went well, `timeout`, or the type of what an afterRestore hook threw */
  restoreReport(durationMs: number, errorType: string | undefined): void;
  begin(invocation: Invocation): void;
  /** source 0 stdout, 1 stderr (raw bytes, split at newlines), 2 one whole message of the runtime, from 16 on output of extensions */
  write(source: number, bytes: Buffer): void;
  /** a text of the platform about the invocation that runs */
  platform(text: string): void;
  /** Tells all that is logged from now on, whatever its level. In place of an earlier listener. */
  listen(listener: ((event: TelemetryEvent) => void) | undefined): void;
  extension(state: system.ExtensionState): void;
  subscribed(state: system.SubscriptionState): void;
  dropped(what: system.Dropped): void;
  /** An init that went well, with extensions: they may hear of it. */
  initialised(durationMs: number): void;
  /** The runtime has done with its event, its extensions have not: `end` follows when they have. */
  runtimeDone(run: DoneRun): void;
  /** Ends the invocation's log with END and REPORT; returns its last 4 KB when asked for. */
  end(run: EndedRun): Buffer | undefined;
}

/** Source of the first extension's output; the others follow. */
const ofExtensions = 16;

/** Bytes of one log event (CloudWatch Logs quotas: 256 KB when Lambda's log support was made). */
const eventBytes = 256 * 1024;

export function openInvocationLog(needs: InvocationLogNeeds): InvocationLog {
  const { target, stream } = needs;
  const isJson = target.logFormat === "JSON";
  const initializationType = needs.initializationType ?? (target.snapStart ? "snap-start" : "on-demand");
  let invocation: Invocation | undefined;
  let tail: LogTail | undefined;
  let listener: ((event: TelemetryEvent) => void) | undefined;
  /** the runtime's part of the invocation is told already */
  let isDone = false;

  const put = (message: string, at: number): void => {
    needs.append(target.account, target.logGroup, stream, at, message);
    tail?.push(message);
  };

  const putSystem = (event: system.SystemEvent): void => {
    const at = needs.clock();
    const line = system.systemLine(event, at, target.systemLogLevel);
    if (line !== undefined) put(line, at);
    if (listener) listener({ time: new Date(at).toISOString(), type: event.type, record: event.record });
  };

  /** What the log says in another way, or not at all. */
  const tell = (event: system.SystemEvent): void => {
    listener?.({ time: new Date(needs.clock()).toISOString(), type: event.type, record: event.record });
  };

  const hear = (type: string, text: string, at: number): void => {
    listener?.({ time: new Date(at).toISOString(), type, record: isJson ? recordOf(text) : text });
  };

  const putOwn = (text: string, type = "function"): void => {
    const at = needs.clock();
    const line = isJson ? applicationLine(text, at, invocation?.requestId, target.applicationLogLevel) : text;
    if (line !== undefined) put(line, at);
    if (listener) hear(type, type === "function" ? (line ?? text) : text, at);
  };

  /** An extension's words go to the log as they are. */
  const putOfExtension = (text: string): void => {
    const at = needs.clock();
    put(text, at);
    if (listener) listener({ time: new Date(at).toISOString(), type: "extension", record: text });
  };
  const outputsOfExtensions = new Map<number, LineSplitter>();
  const outputOf = (source: number): LineSplitter => {
    let output = outputsOfExtensions.get(source);
    if (output === undefined) {
      output = createLineSplitter(eventBytes, (line) => putOfExtension(line.toString()));
      outputsOfExtensions.set(source, output);
    }
    return output;
  };

  const newSplitter = () => createLineSplitter(eventBytes, (line) => putOwn(line.toString()));
  const outputs = [newSplitter(), newSplitter()];

  const endOutputs = (): void => {
    for (const output of outputs) output.end();
  };

  return {
    initStart(runtimeVersion) {
      const runtime = runtimeNames(target, runtimeVersion);
      if (isJson) putSystem(system.initStart({ initializationType, ...environmentOf(target, stream, runtime) }));
      else put(lines.initStartLine(runtime.version, runtime.arn), needs.clock());
      if (listener && !isJson) {
        tell(system.initStart({ initializationType, ...environmentOf(target, stream, runtime) }));
      }
    },
    initReport(durationMs, phase, errorType) {
      endOutputs();
      if (isJson) {
        const init = { initializationType, phase, durationMs, errorType };
        putSystem(system.initRuntimeDone(init));
        putSystem(system.initReport(init));
      } else {
        put(lines.initReportLine(durationMs, phase, errorType), needs.clock());
        if (listener) {
          const init = { initializationType, phase, durationMs, errorType };
          tell(system.initRuntimeDone(init));
          tell(system.initReport(init));
        }
      }
    },
    restoreStart(runtimeVersion) {
      const runtime = runtimeNames(target, runtimeVersion);
      if (isJson) putSystem(system.restoreStart({ initializationType, ...environmentOf(target, stream, runtime) }));
      else put(lines.restoreStartLine(runtime.version, runtime.arn), needs.clock());
    },
    restoreReport(durationMs, errorType) {
      endOutputs(); // what the hooks printed without a newline
      if (isJson) {
        putSystem(system.restoreRuntimeDone(errorType));
        putSystem(system.restoreReport(durationMs, errorType));
      } else {
        put(lines.restoreReportLine(durationMs, errorType), needs.clock());
      }
    },
    begin(next) {
      endOutputs(); // what an init printed without a newline
      invocation = next;
      tail = next.tail ? createLogTail(limits.logTailBytes) : undefined;
      if (isJson) putSystem(system.start(next.requestId, target.version, next.traceId, next.tenantId));
      else put(lines.startLine(next.requestId, target.version), needs.clock());
      if (listener && !isJson) tell(system.start(next.requestId, target.version, next.traceId, next.tenantId));
    },
    write(source, bytes) {
      const output = outputs[source];
      if (output !== undefined) output.push(bytes);
      else if (source >= ofExtensions) outputOf(source).push(bytes);
      else putOwn(messageOf(bytes));
    },
    platform(text) {
      endOutputs();
      putOwn(text, "platform.fault");
    },
    listen(next) {
      listener = next;
    },
    extension(state) {
      if (isJson) putSystem(system.extension(state));
      else {
        put(lines.extensionLine(state.name, state.state, state.events, state.errorType), needs.clock());
        tell(system.extension(state));
      }
    },
    subscribed(state) {
      if (isJson) putSystem(system.subscription(state));
      else {
        put(lines.subscriptionLine(state.name, state.api, state.types), needs.clock());
        tell(system.subscription(state));
      }
    },
    dropped(what) {
      if (isJson) putSystem(system.logsDropped(what));
      else tell(system.logsDropped(what));
    },
    initialised(durationMs) {
      const init = { initializationType, phase: "init", durationMs, errorType: undefined } as const;
      for (const event of [system.initRuntimeDone(init), system.initReport(init)]) {
        if (isJson) putSystem(event);
        else tell(event);
      }
    },
    runtimeDone({ producedBytes, firstMs, ...run }) {
      if (!invocation) return;
      endOutputs();
      isDone = true;
      const nothing = { initMs: undefined, memoryPeakBytes: 0, tail: false };
      const spans =
        firstMs === undefined ? undefined : spansOf(needs.clock() - run.durationMs, firstMs, run.durationMs);
      const report = reportOf(target, invocation, { ...run, ...nothing });
      const event = system.runtimeDone({ ...report, producedBytes, spans });
      if (isJson) putSystem(event);
      else tell(event);
    },
    end(run) {
      endOutputs();
      const report = reportOf(target, invocation!, run);
      if (isJson) {
        if (!isDone) putSystem(system.runtimeDone(report));
        putSystem(system.report(report));
      } else {
        const at = needs.clock();
        put(lines.endLine(report.requestId), at);
        put(lines.reportLine(report), at);
        if (listener) {
          if (!isDone) tell(system.runtimeDone(report));
          tell(system.report(report));
        }
      }
      isDone = false;
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
