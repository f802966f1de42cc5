import { type Posting, ServiceError } from "../../../model/index.ts";
import type { Metrics } from "../../../observe/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { authorize } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import type { AwsService, Exchange } from "../service.ts";
import { createAlarmActions, type OwedActions } from "./alarm-actions.ts";
import { createAlarmClock } from "./alarm-clock.ts";
import type { AlarmOperation } from "./alarm-operations.ts";
import * as alarmOperations from "./alarm-operations.ts";
import type { AlarmRecord } from "./alarm-records.ts";
import type { CloudWatchContext, CloudWatchOperation } from "./context.ts";
import { getMetricData } from "./get-metric-data.ts";
import { getMetricStatistics, listMetrics, putMetricData } from "./metric-operations.ts";
import { CloudWatchError } from "./model.ts";
import { readRequest, sendAnswer, sendRefusal, wireOf } from "./protocol.ts";

export interface CloudWatchNeeds {
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Takes events for functions and topics; resolves when they are durable. */
  post?(postings: readonly Posting[]): Promise<void>;
  report(error: unknown): void;
}

const operations: Readonly<Record<string, CloudWatchOperation<never>>> = {
  GetMetricData: getMetricData,
  GetMetricStatistics: getMetricStatistics,
  ListMetrics: listMetrics,
  PutMetricData: putMetricData,
};

/** By their names in the API. */
const ofAlarms = new Map(
  Object.entries(alarmOperations).map(([name, run]) => [
    name.charAt(0).toUpperCase() + name.slice(1),
    run as AlarmOperation<never>,
  ]),
);

/** Amazon CloudWatch: metrics of functions and of whoever puts some, and alarms. */
export function createCloudWatch(needs: CloudWatchNeeds): AwsService {
  const context: CloudWatchContext = { registry: needs.registry, metrics: needs.metrics, clock: Date.now };
  const alarms = needs.registry.named<AlarmRecord>("cloudwatch-alarm");
  const post = needs.post ?? (() => Promise.resolve());
  const owed = needs.registry.named<OwedActions>("cloudwatch-action");
  const actions = createAlarmActions({ context, alarms, owed, post, report: needs.report });
  const clock = createAlarmClock({ context, alarms, actions, report: needs.report });
  const operationOf = (name: string): CloudWatchOperation<never> | undefined => {
    if (Object.hasOwn(operations, name)) return operations[name];
    const run = ofAlarms.get(name);
    return run === undefined ? undefined : (call) => run(call, { alarms, clock });
  };
  return {
    serve: (exchange) => serve(context, operationOf, needs.report, exchange),
    start: clock.begin,
    stop: clock.stop,
  };
}

async function serve(
  context: CloudWatchContext,
  operationOf: (name: string) => CloudWatchOperation<never> | undefined,
  report: (error: unknown) => void,
  exchange: Exchange,
): Promise<void> {
  const { response, requestId, caller } = exchange;
  try {
    const request = await readRequest(exchange);
    const run = operationOf(request.operation);
    if (run === undefined) {
      throw new CloudWatchError("InvalidAction", `Thaw does not implement ${request.operation} of CloudWatch`);
    }
    check(caller, request.operation, request.input);
    const scope = { account: caller.account, region: caller.region };
    sendAnswer(response, requestId, request, run({ input: request.input as never, scope, caller, context }));
  } catch (error) {
    sendRefusal(response, requestId, wireOf(exchange), refusalOf(error, report));
  }
}

/** Throws AccessDeniedException. Source: Service Authorization Reference, "Amazon CloudWatch". */
function check(caller: Caller, operation: string, input: unknown): void {
  const { AlarmName, AlarmNames, ResourceARN } = input as {
    readonly AlarmName?: string;
    readonly AlarmNames?: readonly string[];
    readonly ResourceARN?: string;
  };
  const action = `cloudwatch:${operation}`;
  const names = AlarmName === undefined ? (AlarmNames ?? []) : [AlarmName];
  const named = names.map((name) => `arn:aws:cloudwatch:${caller.region}:${caller.account}:alarm:${name}`);
  const resources = ResourceARN === undefined ? named : [ResourceARN];
  for (const resource of resources.length === 0 ? ["*"] : resources) authorize(caller, { action, resource });
}

function refusalOf(error: unknown, report: (error: unknown) => void) {
  if (error instanceof CloudWatchError) return error;
  if (error instanceof ServiceError) {
    const { shape, code } = new CloudWatchError(error.code, error.message);
    return { shape, code, status: error.kind.status, message: error.message };
  }
  report(error);
  const message = "The service encountered an internal error.";
  return { shape: "InternalServiceFault", code: "InternalServiceError", status: 500, message };
}
