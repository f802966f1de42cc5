import { type Posting, ServiceError } from "../../../model/index.ts";
import type { Metrics } from "../../../observe/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { authorize } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import type { AwsService, Exchange } from "../service.ts";
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

/** Amazon CloudWatch: metrics of functions and of whoever puts some. */
export function createCloudWatch(needs: CloudWatchNeeds): AwsService {
  const context: CloudWatchContext = { registry: needs.registry, metrics: needs.metrics, clock: Date.now };
  return { serve: (exchange) => serve(context, needs.report, exchange) };
}

async function serve(context: CloudWatchContext, report: (error: unknown) => void, exchange: Exchange): Promise<void> {
  const { response, requestId, caller } = exchange;
  try {
    const request = await readRequest(exchange);
    const run = Object.hasOwn(operations, request.operation) ? operations[request.operation] : undefined;
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
