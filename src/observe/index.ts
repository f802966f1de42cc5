export type { InvocationLog, InvocationLogNeeds } from "./invocation-log.ts";
export { openInvocationLog } from "./invocation-log.ts";
export * from "./lines.ts";
export type { StoredEvent } from "./log-ring.ts";
export type { LogEvent, LogQuery, LogStore, LogStoreNeeds } from "./log-store.ts";
export { createLogStore } from "./log-store.ts";
export type { RecordedInvocation, Statistics, Summary, VersionSummary } from "./stats.ts";
export { createStatistics } from "./stats.ts";
export type { InitializationType } from "./system-events.ts";
