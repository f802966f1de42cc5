import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { monotonicMs } from "../../../model/index.ts";
import type { LogEvent, LogStore } from "../../../observe/index.ts";
import type { Named, Registry, Scope } from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import { groupArn, invalid, type SubscriptionRecord } from "./context.ts";
import { parsePattern } from "./pattern.ts";

export interface DeliveryNeeds extends Pick<LambdaApiNeeds, "invoke" | "accept" | "report"> {
  readonly registry: Registry;
  readonly logs: LogStore;
  readonly subscriptions: Named<SubscriptionRecord>;
  clock(): number;
}

/** Brings what subscription filters let through to functions. */
export interface Delivery {
  /** Looks at the subscriptions of a group anew. */
  resubscribe(account: string, group: string): void;
  /** Takes up all. */
  start(): void;
  stop(): void;
  /** Throws InvalidParameterException. */
  check(scope: Scope, group: string, arn: string): void;
}

/** Events are collected for so long before they are sent, and so many at most. */
const lingerMs = 200;
const batchEvents = 1000;

export function createDelivery(needs: DeliveryNeeds): Delivery {
  const { registry, logs, subscriptions } = needs;
  const followers = new Map<string, AbortController>();

  async function follow(one: SubscriptionRecord, signal: AbortSignal): Promise<void> {
    const pattern = parsePattern(one.pattern);
    const { account, group } = one;
    let waiting: LogEvent[] = [];
    let timer: NodeJS.Timeout | undefined;
    const send = () => {
      clearTimeout(timer);
      timer = undefined;
      const batch = waiting;
      waiting = [];
      for (const [stream, events] of Map.groupBy(batch, (event) => event.stream)) {
        deliver(one, stream, events).catch(needs.report);
      }
    };
    for await (const event of logs.follow({ account, group, since: needs.clock() }, signal)) {
      if (pattern(event.message) === undefined) continue;
      waiting.push(event);
      if (waiting.length >= batchEvents) send();
      else timer ??= setTimeout(send, lingerMs);
    }
    clearTimeout(timer);
  }

  /** Source: CloudWatch Logs User Guide, "Using subscription filters": the document, gzipped, in base64. */
  async function deliver(one: SubscriptionRecord, stream: string, events: readonly LogEvent[]): Promise<void> {
    const document = {
      messageType: "DATA_MESSAGE",
      owner: one.account,
      logGroup: one.group,
      logStream: stream,
      subscriptionFilters: [one.filterName],
      logEvents: events.map(({ timestamp, message }) => ({
        id: randomUUID().replaceAll("-", "").padStart(56, "3"),
        timestamp,
        message,
      })),
    };
    const data = gzipSync(JSON.stringify(document)).toString("base64");
    const { account, region, name, qualifier } = functionOf(one.destinationArn);
    const invocation = {
      requestId: randomUUID(),
      target: registry.resolve(account, region, name, qualifier),
      invokedArn: one.destinationArn,
      payload: Buffer.from(JSON.stringify({ awslogs: { data } })),
      tail: false,
      received: monotonicMs(),
    };
    if (needs.accept === undefined) await needs.invoke(invocation);
    else await needs.accept(invocation, qualifier, false);
  }

  function begin(one: SubscriptionRecord): void {
    const key = `${one.account}:${one.name}`;
    const controller = new AbortController();
    followers.set(key, controller);
    follow(one, controller.signal).catch(needs.report);
  }

  return {
    resubscribe(account, group) {
      for (const [key, controller] of followers) {
        if (!key.startsWith(`${account}:${group}:`)) continue;
        controller.abort();
        followers.delete(key);
      }
      for (const one of subscriptions.list(account)) if (one.group === group) begin(one);
    },
    start() {
      for (const one of subscriptions.everything()) if (!followers.has(`${one.account}:${one.name}`)) begin(one);
    },
    stop() {
      for (const controller of followers.values()) controller.abort();
      followers.clear();
    },
    check(scope, group, arn) {
      const { account, region, name, qualifier } = functionOf(arn);
      const found = registry.functions.find({ account, region }, name);
      if (found === undefined) {
        throw invalid(
          "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
        );
      }
      // A function that writes to the group that it is told of would call itself without end.
      if (found.latest.settings.LoggingConfig.LogGroup === group) {
        throw invalid("The log group provided is reserved for the function log of the destination function.");
      }
      const call = {
        service: "logs.amazonaws.com",
        sourceArn: `${groupArn(scope, group)}:*`,
        sourceAccount: scope.account,
      };
      if (registry.functionPolicies.isAllowed({ account, region }, name, qualifier, call)) return;
      throw invalid(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
      );
    },
  };
}

/** Throws InvalidParameterException: streams of other services are not here. */
function functionOf(arn: string) {
  const [, , service, region = "", account = "", kind, name = "", qualifier] = arn.split(":");
  if (service === "lambda" && kind === "function" && name !== "") return { region, account, name, qualifier };
  throw invalid(
    "destinationArn for vendor lambda is the only one that is supported here: give it the ARN of a function.",
  );
}
