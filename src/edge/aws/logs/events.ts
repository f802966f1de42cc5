import type {
  FilterLogEventsRequest,
  GetLogEventsRequest,
  PutLogEventsRequest,
  TestMetricFilterRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import type { StoredEvent } from "../../../observe/index.ts";
import {
  dayMs,
  eventsOf,
  type GroupRecord,
  groupNameOf,
  groupOf,
  invalid,
  type LogsOperation,
  noStream,
} from "./context.ts";
import { InvalidPattern, type Pattern, parsePattern } from "./pattern.ts";
import { digits, ingested, placeOf } from "./place.ts";

/** Most of one answer and of one upload, with 26 bytes beside each event. */
const batchBytes = 1_048_576;
const eventBytes = ({ message = "" }: { readonly message?: string | undefined }): number =>
  Buffer.byteLength(message) + 26;

/** Throws InvalidParameterException. */
export function patternOf(text: string | undefined): Pattern {
  try {
    return parsePattern(text ?? "");
  } catch (error) {
    if (error instanceof InvalidPattern) throw invalid(`Invalid filter pattern: ${error.message}`);
    throw error;
  }
}

/**
 * Takes events in order of their times. Those too old (14 days, or what the group keeps) or too far in the future (2 hours)
 * are rejected by their places in the batch. Sequence tokens are taken and not looked at, as at AWS since 2023.
 * Source: API reference, PutLogEvents.
 */
export const putLogEvents: LogsOperation<PutLogEventsRequest> = async (call) => {
  const { input, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const stream = input.logStreamName ?? "";
  await checkStream(call, group, stream);
  const events = input.logEvents ?? [];
  const times = events.map(({ timestamp }) => timestamp ?? 0);
  if (times.some((time, index) => index > 0 && time < times[index - 1]!)) {
    throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
  }
  if ((times.at(-1) ?? 0) - (times[0] ?? 0) > dayMs) {
    throw invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  const bytes = events.reduce((sum, event) => sum + eventBytes(event), 0);
  if (bytes > batchBytes) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${batchBytes}`);
  const now = context.clock();
  const expired = group.retentionDays === undefined ? 0 : now - group.retentionDays * dayMs;
  const tooOld = now - 14 * dayMs;
  const tooNew = now + 2 * 3600_000;
  const rejected: Record<string, number> = {};
  for (const [index, { timestamp = 0, message = "" }] of events.entries()) {
    if (timestamp < expired) rejected.expiredLogEventEndIndex = index + 1;
    else if (timestamp < tooOld) rejected.tooOldLogEventEndIndex = index + 1;
    else if (timestamp > tooNew) rejected.tooNewLogEventStartIndex ??= index;
    else context.logs.append(group.account, group.name, stream, timestamp, message);
  }
  await context.logs.flush();
  return {
    nextSequenceToken: "0".repeat(56),
    ...(Object.keys(rejected).length > 0 ? { rejectedLogEventsInfo: rejected } : {}),
  };
};

async function checkStream(call: Parameters<typeof groupOf>[0], group: GroupRecord, stream: string): Promise<void> {
  const { context } = call;
  if (context.streams.get(group.account, `${group.name}:${stream}`) !== undefined) return;
  if ((await eventsOf(context, group)).some((event) => event.stream === stream)) return;
  throw noStream();
}

/**
 * Of one stream, from its end or its start. Each answer has two tokens: on from its last event, and back from its first;
 * where nothing more is, the same token comes again.
 */
export const getLogEvents: LogsOperation<GetLogEventsRequest> = async (call) => {
  const { input, context } = call;
  const group = await groupOf(call, groupNameOf(input.logGroupName ?? input.logGroupIdentifier));
  const stream = input.logStreamName ?? "";
  await checkStream(call, group, stream);
  const token = /^([fb])\/(\d{56})(?:\/s)?$/.exec(input.nextToken ?? "");
  if (input.nextToken !== undefined && token === null) throw invalid("The specified nextToken is invalid.");
  const all = (await eventsOf(context, group, input.startTime)).filter(
    (event) => event.stream === stream && event.timestamp < (input.endTime ?? Number.POSITIVE_INFINITY),
  );
  const [, direction, place = ""] = token ?? [];
  const forward = direction === undefined ? input.startFromHead === true : direction === "f";
  const found =
    direction === undefined ? all : all.filter((event) => (forward ? placeOf(event) > place : placeOf(event) < place));
  const chosen = within(forward ? found : found.toReversed(), input.limit ?? 10_000);
  if (!forward) chosen.reverse();
  const last = chosen.at(-1);
  const start = "0".repeat(digits);
  const from = place === "" ? start : place;
  return {
    events: chosen.map((event) => ({
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: ingested(event),
    })),
    nextForwardToken: `f/${last === undefined ? from : placeOf(last)}`,
    nextBackwardToken: `b/${chosen[0] === undefined ? from : placeOf(chosen[0])}`,
  };
};

/** At most this many, and 1 MB. */
function within(events: readonly StoredEvent[], limit: number): StoredEvent[] {
  const chosen: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events.slice(0, limit)) {
    bytes += eventBytes(event);
    if (bytes > batchBytes && chosen.length > 0) break;
    chosen.push(event);
  }
  return chosen;
}

export const filterLogEvents: LogsOperation<FilterLogEventsRequest> = async (call) => {
  const { input, context } = call;
  const group = await groupOf(call, groupNameOf(input.logGroupName ?? input.logGroupIdentifier));
  if (input.logStreamNames !== undefined && input.logStreamNamePrefix !== undefined) {
    throw invalid("logStreamNames and logStreamNamePrefix cannot be specified together.");
  }
  const { startTime = 0, endTime = Number.POSITIVE_INFINITY } = input;
  if (endTime < startTime) throw invalid("endTime must not be before startTime.");
  const pattern = patternOf(input.filterPattern);
  const names = input.logStreamNames === undefined ? undefined : new Set(input.logStreamNames);
  const after = input.nextToken === undefined ? "" : Buffer.from(input.nextToken, "base64url").toString("latin1");
  if (after !== "" && !/^\d{56}$/.test(after)) throw invalid("The specified nextToken is invalid.");
  const found = (await eventsOf(context, group, startTime)).filter(
    (event) =>
      event.timestamp <= endTime &&
      (names?.has(event.stream) ?? true) &&
      event.stream.startsWith(input.logStreamNamePrefix ?? "") &&
      placeOf(event) > after &&
      pattern(event.message) !== undefined,
  );
  const chosen = within(found, input.limit ?? 10_000);
  const last = chosen.at(-1);
  return {
    events: chosen.map((event) => ({
      logStreamName: event.stream,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: ingested(event),
      eventId: placeOf(event),
    })),
    searchedLogStreams: [],
    ...(last !== undefined && chosen.length < found.length
      ? { nextToken: Buffer.from(placeOf(last), "latin1").toString("base64url") }
      : {}),
  };
};

export const testMetricFilter: LogsOperation<TestMetricFilterRequest> = ({ input }) => {
  const pattern = patternOf(input.filterPattern);
  const matches = (input.logEventMessages ?? []).flatMap((eventMessage, index) => {
    const extractedValues = pattern(eventMessage);
    return extractedValues === undefined ? [] : [{ eventNumber: index + 1, eventMessage, extractedValues }];
  });
  return { matches };
};
