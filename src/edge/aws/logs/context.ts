import type { MetricTransformation } from "@aws-sdk/client-cloudwatch-logs";
import type { LogStore, StoredEvent } from "../../../observe/index.ts";
import type { Named, Scope } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";
import type { Queries } from "./insights/queries.ts";

/** A log group that was made, or has been seen. Groups are the account's, whichever region is asked: functions write to them. */
export interface GroupRecord {
  readonly account: string;
  readonly name: string;
  /** milliseconds since the epoch, like all times here */
  readonly created: number;
  readonly retentionDays?: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** A stream that was made by CreateLogStream; all others are there by what was written to them. */
export interface StreamRecord {
  readonly account: string;
  /** group and stream, with a colon between: neither has one */
  readonly name: string;
  readonly created: number;
}

export interface SubscriptionRecord {
  readonly account: string;
  /** group and filter, with a colon between */
  readonly name: string;
  readonly group: string;
  readonly filterName: string;
  readonly pattern: string;
  readonly destinationArn: string;
  readonly roleArn?: string | undefined;
  readonly distribution: string;
  readonly created: number;
}

export interface MetricFilterRecord {
  readonly account: string;
  /** group and filter, with a colon between */
  readonly name: string;
  /** where its metrics are */
  readonly region: string;
  readonly group: string;
  readonly filterName: string;
  readonly pattern: string;
  readonly transformations: readonly MetricTransformation[];
  readonly created: number;
}

export interface LogsContext {
  readonly logs: LogStore;
  readonly groups: Named<GroupRecord>;
  readonly streams: Named<StreamRecord>;
  readonly subscriptions: Named<SubscriptionRecord>;
  readonly metricFilters: Named<MetricFilterRecord>;
  /** of Logs Insights */
  readonly queries: Queries;
  clock(): number;
  /** aborted when the server stops */
  readonly closing: AbortSignal;
  /** The subscriptions of a group are others now. */
  resubscribe(account: string, group: string): Promise<void>;
  /** The metric filters of a group are others now. */
  recount(account: string, group: string): Promise<void>;
  /** May CloudWatch Logs run this function? Throws InvalidParameterException. */
  checkDestination(scope: Scope, group: string, arn: string): void;
}

export interface LogsCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly context: LogsContext;
}

export type LogsOperation<Input> = (call: LogsCall<Input>) => object | Promise<object>;

export const dayMs = 86_400_000;
export const invalid = (message: string): JsonError => new JsonError("InvalidParameterException", message);
export const noGroup = (): JsonError =>
  new JsonError("ResourceNotFoundException", "The specified log group does not exist.");
export const noStream = (): JsonError =>
  new JsonError("ResourceNotFoundException", "The specified log stream does not exist.");

export const groupArn = ({ account, region }: Scope, name: string): string =>
  `arn:aws:logs:${region}:${account}:log-group:${name}`;

/** Of a name, or of an ARN with or without `:*`. */
export function groupNameOf(given: string | undefined): string {
  if (given === undefined) throw invalid("One of logGroupName and logGroupIdentifier must be specified");
  return given.startsWith("arn:") ? (given.split(":")[6] ?? "") : given;
}

/** A group, noted when it is first seen. Throws ResourceNotFoundException. */
export async function groupOf({ context, scope }: LogsCall<unknown>, name: string): Promise<GroupRecord> {
  const known = context.groups.get(scope.account, name);
  if (known !== undefined) return known;
  if (!(await context.logs.groups(scope.account)).includes(name)) throw noGroup();
  return note(context, scope.account, name);
}

/** All groups of an account, by name. */
export async function allGroups({ context, scope }: LogsCall<unknown>): Promise<readonly GroupRecord[]> {
  for (const name of await context.logs.groups(scope.account)) {
    if (context.groups.get(scope.account, name) === undefined) note(context, scope.account, name);
  }
  return context.groups.list(scope.account);
}

function note({ groups, clock }: LogsContext, account: string, name: string): GroupRecord {
  const record: GroupRecord = { account, name, created: clock(), tags: {} };
  groups.put(record);
  return record;
}

/** A group's events that have not expired, by time; those of one time in order of arrival. */
export async function eventsOf(context: LogsContext, group: GroupRecord, since = 0): Promise<StoredEvent[]> {
  const oldest = group.retentionDays === undefined ? 0 : context.clock() - group.retentionDays * dayMs;
  const events = await context.logs.read({ account: group.account, group: group.name, since: Math.max(since, oldest) });
  return events.sort((one, other) => one.timestamp - other.timestamp || one.number - other.number);
}

/** One page; the token is the last name shown. Throws InvalidParameterException. */
export function page<T>(records: readonly T[], token: string | undefined, limit: number, nameOf: (one: T) => string) {
  const after = token === undefined ? undefined : Buffer.from(token, "base64url").toString("utf8");
  if (after !== undefined && Buffer.from(after).toString("base64url") !== token) {
    throw invalid("The specified nextToken is invalid.");
  }
  const from = after === undefined ? 0 : records.findIndex((one) => nameOf(one) === after) + 1;
  const items = records.slice(from, from + limit);
  const more = from + items.length < records.length;
  return { items, next: more ? { nextToken: Buffer.from(nameOf(items.at(-1)!)).toString("base64url") } : {} };
}
