import type {
  CreateLogGroupRequest,
  CreateLogStreamRequest,
  DeleteLogStreamRequest,
  DescribeLogGroupsRequest,
  DescribeLogStreamsRequest,
  ListTagsForResourceRequest,
  PutRetentionPolicyRequest,
  TagResourceRequest,
  UntagResourceRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import { JsonError } from "../json.ts";
import {
  allGroups,
  dayMs,
  eventsOf,
  type GroupRecord,
  groupArn,
  groupNameOf,
  groupOf,
  invalid,
  type LogsOperation,
  noStream,
  page,
} from "./context.ts";
import { ingested } from "./place.ts";

type OfGroup = { readonly logGroupName: string };

export const createLogGroup: LogsOperation<CreateLogGroupRequest> = async ({ input, scope, context }) => {
  const { account } = scope;
  const name = input.logGroupName ?? "";
  if (context.groups.get(account, name) !== undefined || (await context.logs.groups(account)).includes(name)) {
    throw new JsonError("ResourceAlreadyExistsException", "The specified log group already exists");
  }
  context.groups.put({ account, name, created: context.clock(), tags: input.tags ?? {} });
  return {};
};

export const deleteLogGroup: LogsOperation<OfGroup> = async (call) => {
  const { context, scope } = call;
  const { account, name } = await groupOf(call, call.input.logGroupName);
  await context.logs.prune(account, name, () => false);
  for (const stream of context.streams.list(account)) {
    if (stream.name.startsWith(`${name}:`)) context.streams.remove(account, stream.name);
  }
  for (const one of context.subscriptions.list(account)) {
    if (one.group === name) context.subscriptions.remove(account, one.name);
  }
  for (const one of context.metricFilters.list(account)) {
    if (one.group === name) context.metricFilters.remove(account, one.name);
  }
  context.groups.remove(scope.account, name);
  await context.recount(account, name);
  await context.resubscribe(account, name);
  return {};
};

export const describeLogGroups: LogsOperation<DescribeLogGroupsRequest> = async (call) => {
  const { input, scope, context } = call;
  if (input.logGroupNamePrefix !== undefined && input.logGroupNamePattern !== undefined) {
    throw invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  const found = (await allGroups(call)).filter(
    ({ name }) =>
      name.startsWith(input.logGroupNamePrefix ?? "") &&
      name.toLowerCase().includes((input.logGroupNamePattern ?? "").toLowerCase()),
  );
  const { items, next } = page(found, input.nextToken, input.limit ?? 50, ({ name }) => name);
  const logGroups = [];
  for (const group of items) {
    const events = await eventsOf(context, group);
    const arn = groupArn(scope, group.name);
    logGroups.push({
      logGroupName: group.name,
      creationTime: group.created,
      ...(group.retentionDays === undefined ? {} : { retentionInDays: group.retentionDays }),
      metricFilterCount: context.metricFilters.list(group.account).filter((one) => one.group === group.name).length,
      arn: `${arn}:*`,
      storedBytes: events.reduce((sum, { message }) => sum + Buffer.byteLength(message) + 26, 0),
      logGroupClass: "STANDARD",
      logGroupArn: arn,
    });
  }
  return { logGroups, ...next };
};

const retentions = new Set([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]);

export const putRetentionPolicy: LogsOperation<PutRetentionPolicyRequest> = async (call) => {
  const { input, context } = call;
  const days = input.retentionInDays ?? 0;
  if (!retentions.has(days)) {
    throw invalid(
      `1 validation error detected: Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${[...retentions].join(", ")}]`,
    );
  }
  const group = { ...(await groupOf(call, input.logGroupName ?? "")), retentionDays: days };
  context.groups.put(group);
  await expire(call.context, group);
  return {};
};

export const deleteRetentionPolicy: LogsOperation<OfGroup> = async (call) => {
  call.context.groups.put({ ...(await groupOf(call, call.input.logGroupName)), retentionDays: undefined });
  return {};
};

/** Removes what is older than the group keeps. */
export async function expire(
  { logs, clock }: Pick<Parameters<typeof eventsOf>[0], "logs" | "clock">,
  { account, name, retentionDays }: GroupRecord,
): Promise<void> {
  if (retentionDays === undefined) return;
  const oldest = clock() - retentionDays * dayMs;
  const [first] = await logs.read({ account, group: name, since: 0 });
  if (first !== undefined && first.timestamp < oldest) {
    await logs.prune(account, name, ({ timestamp }) => timestamp >= oldest);
  }
}

export const createLogStream: LogsOperation<CreateLogStreamRequest> = async (call) => {
  const { input, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const stream = input.logStreamName ?? "";
  const name = `${group.name}:${stream}`;
  const exists =
    context.streams.get(group.account, name) !== undefined ||
    (await eventsOf(context, group)).some((event) => event.stream === stream);
  if (exists) throw new JsonError("ResourceAlreadyExistsException", "The specified log stream already exists");
  context.streams.put({ account: group.account, name, created: context.clock() });
  return {};
};

export const deleteLogStream: LogsOperation<DeleteLogStreamRequest> = async (call) => {
  const { input, context } = call;
  const group = await groupOf(call, input.logGroupName ?? "");
  const stream = input.logStreamName ?? "";
  const name = `${group.name}:${stream}`;
  const written = (await eventsOf(context, group)).some((event) => event.stream === stream);
  if (!written && context.streams.get(group.account, name) === undefined) throw noStream();
  await context.logs.prune(group.account, group.name, (event) => event.stream !== stream);
  context.streams.remove(group.account, name);
  return {};
};

interface StreamView {
  readonly logStreamName: string;
  readonly creationTime: number;
  readonly firstEventTimestamp?: number;
  readonly lastEventTimestamp?: number;
  readonly lastIngestionTime?: number;
}

/** Streams of a group: those that were made, and those that were written to. */
export async function streamsOf(call: Parameters<typeof groupOf>[0], group: GroupRecord): Promise<StreamView[]> {
  const views = new Map<string, StreamView>();
  const mark = `${group.name}:`;
  for (const { name, created } of call.context.streams.list(group.account)) {
    const logStreamName = name.slice(mark.length);
    if (name.startsWith(mark)) views.set(logStreamName, { logStreamName, creationTime: created });
  }
  for (const event of await eventsOf(call.context, group)) {
    const { stream, timestamp } = event;
    const known = views.get(stream) ?? { logStreamName: stream, creationTime: timestamp };
    views.set(stream, {
      ...known,
      firstEventTimestamp: known.firstEventTimestamp ?? timestamp,
      lastEventTimestamp: timestamp,
      lastIngestionTime: ingested(event),
    });
  }
  return [...views.values()].sort((one, other) => (one.logStreamName < other.logStreamName ? -1 : 1));
}

export const describeLogStreams: LogsOperation<DescribeLogStreamsRequest> = async (call) => {
  const { input, scope } = call;
  const group = await groupOf(call, groupNameOf(input.logGroupName ?? input.logGroupIdentifier));
  const byTime = input.orderBy === "LastEventTime";
  if (byTime && input.logStreamNamePrefix !== undefined) {
    throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  const found = (await streamsOf(call, group)).filter(({ logStreamName }) =>
    logStreamName.startsWith(input.logStreamNamePrefix ?? ""),
  );
  if (byTime) found.sort((one, other) => (one.lastEventTimestamp ?? 0) - (other.lastEventTimestamp ?? 0));
  if (input.descending === true) found.reverse();
  const { items, next } = page(found, input.nextToken, input.limit ?? 50, ({ logStreamName }) => logStreamName);
  const logStreams = items.map((view) => ({
    ...view,
    uploadSequenceToken: "0".repeat(56),
    arn: `${groupArn(scope, group.name)}:log-stream:${view.logStreamName}`,
    storedBytes: 0,
  }));
  return { logStreams, ...next };
};

const tagged = (call: Parameters<typeof groupOf>[0], arn: string | undefined) => groupOf(call, groupNameOf(arn));

export const tagResource: LogsOperation<TagResourceRequest> = async (call) => {
  const group = await tagged(call, call.input.resourceArn);
  call.context.groups.put({ ...group, tags: { ...group.tags, ...call.input.tags } });
  return {};
};

export const untagResource: LogsOperation<UntagResourceRequest> = async (call) => {
  const group = await tagged(call, call.input.resourceArn);
  const gone = new Set(call.input.tagKeys);
  call.context.groups.put({
    ...group,
    tags: Object.fromEntries(Object.entries(group.tags).filter(([name]) => !gone.has(name))),
  });
  return {};
};

export const listTagsForResource: LogsOperation<ListTagsForResourceRequest> = async (call) => ({
  tags: (await tagged(call, call.input.resourceArn)).tags,
});

/** The older operations name the group instead of its ARN. */
export const tagLogGroup: LogsOperation<OfGroup & { readonly tags: Record<string, string> }> = (call) =>
  tagResource({ ...call, input: { resourceArn: call.input.logGroupName, tags: call.input.tags } });

export const untagLogGroup: LogsOperation<OfGroup & { readonly tags: string[] }> = (call) =>
  untagResource({ ...call, input: { resourceArn: call.input.logGroupName, tagKeys: call.input.tags } });

export const listTagsLogGroup: LogsOperation<OfGroup> = (call) =>
  listTagsForResource({ ...call, input: { resourceArn: call.input.logGroupName } });
