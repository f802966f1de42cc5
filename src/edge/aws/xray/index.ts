import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Traces } from "../../../traces/index.ts";
import type { ServiceModel } from "../../lambda-api/model.ts";
import { createRestJson, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import type { XRayContext, XRayOperation } from "./context.ts";
import { getServiceGraph, getTraceGraph } from "./graph.ts";
import {
  batchGetTraces,
  getSamplingRules,
  getSamplingStatisticSummaries,
  getSamplingTargets,
  getTraceSummaries,
  putTelemetryRecords,
  putTraceSegments,
} from "./operations.ts";

export interface XRayNeeds {
  readonly traces: Traces;
  report(error: unknown): void;
}

const operations = {
  BatchGetTraces: batchGetTraces,
  GetSamplingRules: getSamplingRules,
  GetSamplingStatisticSummaries: getSamplingStatisticSummaries,
  GetSamplingTargets: getSamplingTargets,
  GetServiceGraph: getServiceGraph,
  GetTraceGraph: getTraceGraph,
  GetTraceSummaries: getTraceSummaries,
  PutTelemetryRecords: putTelemetryRecords,
  PutTraceSegments: putTraceSegments,
};

/** Fifty segments of 64 KB, each of whose characters may be escaped. */
const requestBytes = 8 * 1024 * 1024;

/** AWS X-Ray: traces of functions, and of whoever sends segments. */
export function createXRay({ traces, report }: XRayNeeds): AwsService {
  const context: XRayContext = { traces, clock: Date.now };
  const bound = Object.entries(operations).map(([name, operation]): [string, RestOperation] => [
    name,
    (call) => (operation as XRayOperation<never>)({ ...call, context }),
  ]);
  const model = JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")) as ServiceModel;
  const invalid = "InvalidRequestException";
  return { serve: createRestJson({ model, operations: Object.fromEntries(bound), requestBytes, invalid, report }) };
}
