import { gzipSync } from "node:zlib";
import { functionOf } from "../../../buses/index.ts";
import type { Posting } from "../../../model/index.ts";
import type { LogStore, StoredEvent } from "../../../observe/index.ts";
import type { Named, Registry, Scope } from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import { groupArn, invalid, type SubscriptionRecord } from "./context.ts";
import { parsePattern } from "./pattern.ts";
import { placeOf } from "./place.ts";

export interface DeliveryNeeds extends Pick<LambdaApiNeeds, "report"> {
  readonly registry: Registry;
  readonly logs: LogStore;
  readonly subscriptions: Named<SubscriptionRecord>;
  /** Takes what is to be delivered; resolves when it is durable. Absent: nothing is. */
  post?(postings: readonly Posting[]): Promise<void>;
  clock(): number;
}

/** Brings what subscription filters let through to functions and streams. */
export interface Delivery {
  /** Looks at the subscriptions of a group anew; resolves when new ones miss nothing that comes from now on. */
  resubscribe(account: string, group: string): Promise<void>;
  /** Takes up all. */
  start(): void;
  stop(): void;
  /** Throws InvalidParameterException. */
  check(scope: Scope, group: string, arn: string): void;
}

/** How far a subscription has been read. */
interface Cursor {
  readonly account: string;
  /** the subscription's */
  readonly name: string;
  /** when the subscription was made: a cursor of an earlier one of its name is none */
  readonly created: number;
  /** of the last event of its group that is on its way, or was left out */
  readonly number: number;
}

/** Events are collected for so long before they are sent, and so many at most. */
const lingerMs = 200;
const batchEvents = 1000;
/** Older ones are not taken by PutLogEvents. */
const oldestMs = 14 * 86_400_000;

export function createDelivery(needs: DeliveryNeeds): Delivery {
  const { registry, logs, subscriptions } = needs;
  const cursors = registry.named<Cursor>("log-cursor");
  const followers = new Map<string, AbortController>();

  const isRead = ({ account, name, created }: SubscriptionRecord): boolean =>
    cursors.get(account, name)?.created === created;

  /** A new subscription is told of what comes from now on. */
  async function place(one: SubscriptionRecord): Promise<void> {
    if (isRead(one)) return;
    const { account, name, group, created } = one;
    const before = await logs.read({ account, group, since: 0 });
    cursors.put({ account, name, created, number: before.at(-1)?.number ?? 0 });
  }

  async function follow(one: SubscriptionRecord, signal: AbortSignal): Promise<void> {
    const pattern = parsePattern(one.pattern);
    const { account, name, group } = one;
    const since = needs.clock() - oldestMs;
    const after = cursors.get(account, name)?.number ?? 0;
    let waiting: StoredEvent[] = [];
    let timer: NodeJS.Timeout | undefined;
    let sending: Promise<void> = Promise.resolve();
    const send = () => {
      clearTimeout(timer);
      timer = undefined;
      const batch = waiting;
      waiting = [];
      // One after the other: the cursor only ever passes what is on the disk.
      sending = sending.then(() => deliver(one, batch)).catch(needs.report);
    };
    for await (const event of logs.follow({ account, group, since }, signal)) {
      if (event.number <= after || pattern(event.message) === undefined) continue;
      waiting.push(event);
      if (waiting.length >= batchEvents) send();
      else timer ??= setTimeout(send, lingerMs);
    }
    clearTimeout(timer);
  }

  async function deliver(one: SubscriptionRecord, events: readonly StoredEvent[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    const streams = [...Map.groupBy(events, (event) => event.stream)];
    await needs.post?.(streams.flatMap(([stream, some]) => postingOf(one, stream, some)));
    // It may be gone by now, or another one of its name.
    if (subscriptions.get(one.account, one.name)?.created !== one.created) return;
    cursors.put({ account: one.account, name: one.name, created: one.created, number: last.number });
  }

  /** Source: CloudWatch Logs User Guide, "Using subscription filters": the document, gzipped, in base64 where it goes to a function. */
  function postingOf(one: SubscriptionRecord, stream: string, events: readonly StoredEvent[]): Posting[] {
    const document = {
      messageType: "DATA_MESSAGE",
      owner: one.account,
      logGroup: one.group,
      logStream: stream,
      subscriptionFilters: [one.filterName],
      logEvents: events.map((event) => ({
        id: placeOf(event),
        timestamp: event.timestamp,
        message: event.message,
      })),
    };
    const data = gzipSync(JSON.stringify(document));
    const arn = one.destinationArn;
    const fn = functionOf(arn);
    if (fn === undefined) {
      const [, , , region = ""] = arn.split(":");
      const parameters: Record<string, string> = arn.includes(":kinesis:") ? { PartitionKey: stream } : {};
      return [{ to: "target", account: one.account, region, name: one.filterName, arn, payload: data, parameters }];
    }
    const [, , , region = ""] = arn.split(":");
    if (registry.functions.find(fn, fn.name) === undefined) return [];
    if (!mayRun({ account: one.account, region }, one.group, arn)) return [];
    const payload = Buffer.from(JSON.stringify({ awslogs: { data: data.toString("base64") } }));
    return [{ to: "function", ...fn, invokedArn: arn, payload }];
  }

  function mayRun(scope: Scope, group: string, arn: string): boolean {
    const fn = functionOf(arn);
    if (fn === undefined) return false;
    const call = {
      service: "logs.amazonaws.com",
      sourceArn: `${groupArn(scope, group)}:*`,
      sourceAccount: scope.account,
    };
    return registry.functionPolicies.isAllowed(fn, fn.name, fn.qualifier, call);
  }

  function begin(one: SubscriptionRecord): void {
    const key = `${one.account}:${one.name}`;
    const controller = new AbortController();
    followers.set(key, controller);
    follow(one, controller.signal).catch(needs.report);
  }

  return {
    async resubscribe(account, group) {
      const ofGroup = () => subscriptions.list(account).filter((one) => one.group === group);
      for (const one of ofGroup()) await place(one);
      for (const [key, controller] of followers) {
        if (!key.startsWith(`${account}:${group}:`)) continue;
        controller.abort();
        followers.delete(key);
      }
      for (const one of ofGroup()) begin(one);
    },
    start() {
      for (const cursor of [...cursors.everything()]) {
        if (subscriptions.get(cursor.account, cursor.name)?.created === cursor.created) continue;
        cursors.remove(cursor.account, cursor.name);
      }
      for (const one of [...subscriptions.everything()]) {
        place(one)
          .then(() => {
            if (!followers.has(`${one.account}:${one.name}`)) begin(one);
          })
          .catch(needs.report);
      }
    },
    stop() {
      for (const controller of followers.values()) controller.abort();
      followers.clear();
    },
    check(scope, group, arn) {
      if (/^arn:[^:]+:(?:kinesis|firehose):[^:]+:\d{12}:(?:delivery)?stream\/.+/.test(arn)) return;
      const fn = functionOf(arn);
      if (fn === undefined) {
        throw invalid("destinationArn must be the ARN of a function, a Kinesis stream or a Firehose stream here.");
      }
      const found = registry.functions.find(fn, fn.name);
      // A function that writes to the group that it is told of would call itself without end.
      if (found?.latest.settings.LoggingConfig.LogGroup === group) {
        throw invalid("The log group provided is reserved for the function log of the destination function.");
      }
      if (found !== undefined && mayRun(scope, group, arn)) return;
      throw invalid(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
      );
    },
  };
}
