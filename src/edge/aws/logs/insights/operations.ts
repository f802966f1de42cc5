import type {
  DescribeQueriesRequest,
  GetLogGroupFieldsRequest,
  GetLogRecordRequest,
  GetQueryResultsRequest,
  StartQueryRequest,
  StopQueryRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import type { StoredEvent } from "../../../../observe/index.ts";
import { JsonError } from "../../json.ts";
import {
  dayMs,
  eventsOf,
  type GroupRecord,
  groupNameOf,
  groupOf,
  invalid,
  type LogsCall,
  type LogsOperation,
  page,
} from "../context.ts";
import { placeOf } from "../place.ts";
import { discover } from "./event-fields.ts";
import { parseQuery } from "./parse.ts";
import type { RunningQuery } from "./queries.ts";
import { QueryError } from "./scanner.ts";
import { textOf } from "./values.ts";
import type { SomeEvents } from "./worker.ts";

const mostGroups = 50;
const noQuery = () => new JsonError("ResourceNotFoundException", "Query does not exist.");

export const startQuery: LogsOperation<StartQueryRequest> = async (call) => {
  const { input, scope, context } = call;
  const { queryString = "", logGroupName, logGroupNames, logGroupIdentifiers, queryLanguage = "CWLI" } = input;
  if (queryLanguage !== "CWLI") throw invalid(`Thaw has no queries in ${queryLanguage}.`);
  const given = [logGroupName === undefined ? undefined : [logGroupName], logGroupNames, logGroupIdentifiers];
  const [names, ...more] = given.filter((one) => one !== undefined);
  if (names === undefined || names.length === 0 || more.length > 0) {
    throw invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.");
  }
  if (names.length > mostGroups) throw invalid(`A query is of ${mostGroups} log groups at most.`);
  const [from, to] = [milliseconds(input.startTime ?? 0, 0), milliseconds(input.endTime ?? 0, 999)];
  if (to < from) throw invalid("Query's end date and time is before its start.");
  check(queryString);
  const groups: GroupRecord[] = [];
  for (const name of new Set(names.map(groupNameOf))) groups.push(await groupOf(call, name));
  const query = context.queries.start({
    account: scope.account,
    text: queryString,
    groups: groups.map(({ name }) => name),
    limit: input.limit ?? 10_000,
    read: () => eventsIn(call, groups, from, to),
  });
  if (query === undefined) throw new JsonError("LimitExceededException", "Account maximum query concurrency reached.");
  return { queryId: query.id };
};

/** Seconds; what can only be milliseconds is taken as such. The last second is part of the time. */
const milliseconds = (time: number, rest: number): number => (time > 1e11 ? time : time * 1000 + rest);

/** Throws MalformedQueryException. */
function check(text: string): void {
  try {
    parseQuery(text);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const before = text.slice(0, error.from).split("\n");
    const message = `${error.message} at line ${before.length} and position ${before.at(-1)!.length + 1}`;
    const location = { startCharOffset: error.from, endCharOffset: error.to };
    const queryCompileError = { location, message };
    throw new JsonError("MalformedQueryException", message, 400, { queryCompileError });
  }
}

/** Events that have not expired, as they lie: the thread sorts them. */
async function* eventsIn(
  { context }: LogsCall<unknown>,
  groups: readonly GroupRecord[],
  from: number,
  to: number,
): AsyncGenerator<SomeEvents> {
  for (const group of groups) {
    const { account, name, retentionDays = Number.POSITIVE_INFINITY } = group;
    const since = Math.max(from, context.clock() - retentionDays * dayMs);
    const events = await context.logs.read({ account, group: name, since });
    yield { log: `${account}:${name}`, events: events.filter(({ timestamp }) => timestamp <= to) };
  }
}

const fieldsOf = (account: string, group: string, event: StoredEvent) =>
  discover({ ...event, log: `${account}:${group}` }).all();

export const getQueryResults: LogsOperation<GetQueryResultsRequest> = ({ input, scope, context }) => {
  const query = context.queries.find(scope.account, input.queryId ?? "");
  if (query === undefined) throw noQuery();
  const { result, scanned, status, groups } = query;
  return {
    queryLanguage: "CWLI",
    results: result.results,
    statistics: {
      recordsMatched: result.matched,
      recordsScanned: scanned.events,
      bytesScanned: scanned.bytes,
      estimatedRecordsSkipped: 0,
      estimatedBytesSkipped: 0,
      logGroupsScanned: groups.length,
    },
    status,
  };
};

export const stopQuery: LogsOperation<StopQueryRequest> = ({ input, scope, context }) => {
  const query = context.queries.find(scope.account, input.queryId ?? "");
  if (query === undefined) throw noQuery();
  if (context.queries.stop(query)) return { success: true };
  throw invalid(`Query with id ${query.id} has already ended with status ${query.status}.`);
};

export const describeQueries: LogsOperation<DescribeQueriesRequest> = ({ input, scope, context }) => {
  const wanted = ({ groups, status }: RunningQuery) =>
    (input.logGroupName === undefined || groups.includes(input.logGroupName)) &&
    (input.status === undefined || input.status === status);
  const found = context.queries.list(scope.account).filter(wanted);
  const { items, next } = page(found, input.nextToken, input.maxResults ?? 1000, ({ id }) => id);
  const queries = items.map(({ id, text, status, created, groups }) => ({
    queryLanguage: "CWLI",
    queryId: id,
    queryString: text,
    status,
    createTime: created,
    ...(groups.length === 1 ? { logGroupName: groups[0] } : {}),
  }));
  return { queries, ...next };
};

/** All fields of one event, which a result's `@ptr` names. */
export const getLogRecord: LogsOperation<GetLogRecordRequest> = async (call) => {
  const { input, scope, context } = call;
  const pointer = Buffer.from(input.logRecordPointer ?? "", "base64").toString("utf8");
  const [, account, name = "", place] = /^(\d{12}):(.+)\|(\d{56})$/.exec(pointer) ?? [];
  if (account !== scope.account || place === undefined) throw invalid("The specified log record pointer is invalid.");
  const group = await groupOf(call, name);
  const found = (await eventsOf(context, group, Number(place.slice(0, 20)))).find((one) => placeOf(one) === place);
  if (found === undefined) throw new JsonError("ResourceNotFoundException", "The log record does not exist.");
  const fields = fieldsOf(account, name, found);
  return { logRecord: Object.fromEntries([...fields].map(([field, value]) => [field, textOf(value)])) };
};

/** Fifteen minutes, of which so many events are looked at. */
const sampleMs = 15 * 60_000;
const sampled = 1000;

export const getLogGroupFields: LogsOperation<GetLogGroupFieldsRequest> = async (call) => {
  const { input, scope, context } = call;
  const group = await groupOf(call, groupNameOf(input.logGroupName ?? input.logGroupIdentifier));
  const middle = input.time === undefined ? context.clock() - sampleMs / 2 : milliseconds(input.time, 0);
  const [from, to] = [middle - sampleMs / 2, middle + sampleMs / 2];
  const events = (await eventsOf(context, group, from)).filter(({ timestamp }) => timestamp <= to).slice(-sampled);
  const counts = new Map<string, number>();
  for (const event of events) {
    for (const name of fieldsOf(scope.account, group.name, event).keys()) {
      if (name !== "@ptr") counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const percent = (count: number) => Math.round((100 * count) / events.length);
  const logGroupFields = [...counts].map(([name, count]) => ({ name, percent: percent(count) }));
  return { logGroupFields: logGroupFields.sort((one, other) => other.percent - one.percent) };
};
