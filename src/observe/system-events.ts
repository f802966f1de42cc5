import type { Report } from "./lines.ts";
import { billedMs, initStatusOf, statusOf, usedMb } from "./lines.ts";

/**
 * The same facts as lines.ts in JSON log format: the events of Lambda's Telemetry API ("Lambda Telemetry API Event
 * schema reference"), one object a line, filtered by SystemLogLevel.
 */
export interface SystemEvent {
  readonly type: string;
  readonly level: SystemLevel;
  readonly record: Readonly<Record<string, unknown>>;
}

export type SystemLevel = "DEBUG" | "INFO" | "WARN";

const rank: Readonly<Record<string, number>> = { DEBUG: 0, INFO: 1, WARN: 2 };

/** One line of the log, or undefined when `systemLogLevel` leaves it out. @param at milliseconds since the epoch */
export function systemLine(event: SystemEvent, at: number, systemLogLevel: string): string | undefined {
  if (rank[event.level]! < (rank[systemLogLevel] ?? 1)) return undefined;
  return JSON.stringify({ time: new Date(at).toISOString(), type: event.type, record: event.record });
}

// Levels: AWS, "Log-level filtering", table "system log level event mapping".

/** How an environment comes to be initialised: `InitType` of the Telemetry API. */
export type InitializationType = "on-demand" | "provisioned-concurrency" | "snap-start" | "lambda-managed-instances";

export interface Environment {
  readonly initializationType: InitializationType;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly instanceId: string;
  readonly memoryMb: number;
  readonly runtimeVersion: string | undefined;
  readonly runtimeVersionArn: string | undefined;
}

export function initStart(environment: Environment): SystemEvent {
  return {
    type: "platform.initStart",
    level: environment.runtimeVersion === undefined ? "DEBUG" : "INFO",
    record: { initializationType: environment.initializationType, phase: "init", ...instanceOf(environment) },
  };
}

/** How an init ended. */
export interface Init {
  readonly initializationType: InitializationType;
  readonly phase: "init" | "invoke";
  readonly durationMs: number;
  /** undefined: well */
  readonly errorType: string | undefined;
}

export function initRuntimeDone({ initializationType, phase, errorType }: Init): SystemEvent {
  const ended = initStatusOf(errorType);
  return {
    type: "platform.initRuntimeDone",
    level: ended.status === "success" ? "DEBUG" : "WARN",
    record: { initializationType, phase, ...ended },
  };
}

export function initReport({ initializationType, phase, durationMs, errorType }: Init): SystemEvent {
  const ended = initStatusOf(errorType);
  const success = initializationType === "on-demand" ? "DEBUG" : "INFO";
  return {
    type: "platform.initReport",
    level: ended.status === "success" ? success : "WARN",
    record: { initializationType, phase, ...ended, metrics: { durationMs: rounded(durationMs) } },
  };
}

export function restoreStart(environment: Environment): SystemEvent {
  return {
    type: "platform.restoreStart",
    level: environment.runtimeVersion === undefined ? "DEBUG" : "INFO",
    record: instanceOf(environment),
  };
}

export function restoreRuntimeDone(errorType: string | undefined): SystemEvent {
  const ended = initStatusOf(errorType);
  return {
    type: "platform.restoreRuntimeDone",
    level: ended.status === "success" ? "DEBUG" : "WARN",
    record: { ...ended },
  };
}

export function restoreReport(durationMs: number, errorType: string | undefined): SystemEvent {
  const ended = initStatusOf(errorType);
  return {
    type: "platform.restoreReport",
    level: ended.status === "success" ? "INFO" : "WARN",
    record: { ...ended, metrics: { durationMs: rounded(durationMs) } },
  };
}

/** How an extension stands when the init is over. */
export interface ExtensionState {
  readonly name: string;
  /** `Ready`, or what it has come to instead */
  readonly state: string;
  readonly events: readonly string[];
  readonly errorType: string | undefined;
}

export function extension({ name, state, events, errorType }: ExtensionState): SystemEvent {
  const level = errorType === undefined ? "INFO" : "WARN";
  return { type: "platform.extension", level, record: { name, state, events, ...(errorType && { errorType }) } };
}

/** An extension listens from now on. */
export interface SubscriptionState {
  readonly name: string;
  readonly api: "telemetry" | "logs";
  readonly types: readonly string[];
}

export function subscription({ name, api, types }: SubscriptionState): SystemEvent {
  return { type: `platform.${api}Subscription`, level: "INFO", record: { name, state: "Subscribed", types } };
}

/** What an extension that listens has missed. */
export interface Dropped {
  readonly records: number;
  readonly bytes: number;
  readonly reason: string;
}

export function logsDropped({ records, bytes, reason }: Dropped): SystemEvent {
  const record = { droppedRecords: records, droppedBytes: bytes, reason };
  return { type: "platform.logsDropped", level: "WARN", record };
}

export function start(
  requestId: string,
  version: string,
  trace: string | undefined,
  tenantId: string | undefined,
): SystemEvent {
  const tenant = tenantId === undefined ? {} : { tenantId };
  return { type: "platform.start", level: "INFO", record: { requestId, version, ...tenant, ...tracing(trace) } };
}

export function runtimeDone(report: Report): SystemEvent {
  const ended = statusOf(report.errorType);
  return {
    type: "platform.runtimeDone",
    level: ended.status === "success" ? "DEBUG" : "WARN",
    record: {
      requestId: report.requestId,
      ...ended,
      ...tracing(report.trace),
      ...(report.spans && { spans: report.spans.map((span) => ({ ...span, durationMs: rounded(span.durationMs) })) }),
      metrics: { durationMs: rounded(report.durationMs), producedBytes: report.producedBytes },
    },
  };
}

export function report(of: Report): SystemEvent {
  const ended = statusOf(of.errorType);
  return {
    type: "platform.report",
    level: ended.status === "success" ? "INFO" : "WARN",
    record: {
      requestId: of.requestId,
      ...ended,
      metrics: {
        durationMs: rounded(of.durationMs),
        billedDurationMs: billedMs(of),
        memorySizeMB: of.memoryMb,
        maxMemoryUsedMB: usedMb(of),
        initDurationMs: of.initMs === undefined ? undefined : rounded(of.initMs),
        restoreDurationMs: of.restoreMs === undefined ? undefined : rounded(of.restoreMs),
        billedRestoreDurationMs: of.billedRestoreMs,
      },
      ...tracing(of.trace),
    },
  };
}

function instanceOf(environment: Environment) {
  return {
    runtimeVersion: environment.runtimeVersion,
    runtimeVersionArn: environment.runtimeVersionArn,
    functionName: environment.functionName,
    functionVersion: environment.functionVersion,
    instanceId: environment.instanceId,
    instanceMaxMemory: environment.memoryMb * 1024 * 1024,
  };
}

function tracing(trace: string | undefined): Record<string, unknown> {
  if (trace === undefined) return {};
  const spanId = /Parent=([^;]+)/.exec(trace)?.[1];
  return { tracing: { spanId, type: "X-Amzn-Trace-Id", value: trace } };
}

/** Microseconds are kept, as Lambda does. */
function rounded(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
