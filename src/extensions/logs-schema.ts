import type { TelemetryEvent } from "../observe/index.ts";

/** Events that the Logs API has; it has no others. Source: "Using the Lambda Logs API", "Log message types". */
const events: readonly string[] = [
  "platform.start",
  "platform.runtimeDone",
  "platform.report",
  "platform.extension",
  "platform.logsSubscription",
  "platform.logsDropped",
  "platform.fault",
];

/**
 * An event of the Telemetry API in the words of the older one; undefined where that has none.
 *
 * @param version `platform.runtimeDone` is there since 2021-03-18
 */
export function asLog(event: TelemetryEvent, version: "2020-08-15" | "2021-03-18"): TelemetryEvent | undefined {
  const { time, type, record } = event;
  if (!type.startsWith("platform.")) return event;
  if (!events.includes(type)) return undefined;
  if (typeof record === "string") return event;
  if (type === "platform.runtimeDone") {
    const { requestId, status } = record;
    return version === "2020-08-15" ? undefined : { time, type, record: { requestId, status } };
  }
  if (type === "platform.report") {
    const { requestId, metrics } = record;
    return { time, type, record: { requestId, metrics } };
  }
  if (type === "platform.start") {
    const { requestId, version: functionVersion } = record;
    return { time, type, record: { requestId, version: functionVersion } };
  }
  return event;
}
