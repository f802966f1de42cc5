import type {
  BatchGetTracesRequest,
  GetSamplingTargetsRequest,
  GetTraceSummariesRequest,
  PutTraceSegmentsRequest,
} from "@aws-sdk/client-xray";
import { InvalidSegment, readSegment, type SegmentDocument } from "../../../traces/index.ts";
import {
  everyPart,
  invalid,
  pageFrom,
  pageToken,
  type Seconds,
  type Trace,
  traceOf,
  type XRayOperation,
} from "./context.ts";
import { parseFilter, responseTime } from "./filter.ts";

export const putTraceSegments: XRayOperation<PutTraceSegmentsRequest> = ({ input, scope, context }) => {
  const good: SegmentDocument[] = [];
  const UnprocessedTraceSegments = [];
  for (const text of input.TraceSegmentDocuments ?? []) {
    try {
      good.push(readSegment(text));
    } catch (error) {
      if (!(error instanceof InvalidSegment)) throw error;
      UnprocessedTraceSegments.push({ Id: error.id, ErrorCode: error.code, Message: error.message });
    }
  }
  context.traces.put(scope.account, scope.region, good);
  context.traces.flush();
  return { UnprocessedTraceSegments };
};

/** Traces of one request (API Reference, BatchGetTraces). */
const mostOfBatch = 5;

export const batchGetTraces: XRayOperation<BatchGetTracesRequest> = (call) => {
  const ids = [...new Set(call.input.TraceIds ?? [])];
  if (ids.length > mostOfBatch) throw invalid(`A request is for ${mostOfBatch} traces at most`);
  const Traces = [];
  const UnprocessedTraceIds: string[] = [];
  for (const id of ids) {
    const trace = traceOf(call, id);
    if (trace === undefined) UnprocessedTraceIds.push(id);
    else {
      Traces.push({
        Id: id,
        Duration: trace.end - trace.start,
        LimitExceeded: false,
        Segments: trace.segments.map((document) => ({ Id: document.id, Document: JSON.stringify(document) })),
      });
    }
  }
  return { Traces, UnprocessedTraceIds };
};

const pageSize = 100;
/** Traces that one request looks at: a few tens of milliseconds of the platform's time. */
const scanned = 300;
const dayS = 86_400;

/** Throws InvalidRequestException. */
export function checkTimes({ StartTime, EndTime }: { readonly StartTime: number; readonly EndTime: number }): void {
  if (EndTime <= StartTime) throw invalid("The end time must be after the start time.");
  if (EndTime - StartTime > dayS) throw invalid("Time range cannot be longer than 24 hours.");
}

export const getTraceSummaries: XRayOperation<Seconds<GetTraceSummariesRequest>> = (call) => {
  const { input, scope, context } = call;
  checkTimes(input);
  const fits = parseFilter(input.FilterExpression ?? "");
  const ids = context.traces.between(scope.account, scope.region, input.StartTime, input.EndTime);
  const from = pageFrom(input.NextToken);
  const TraceSummaries = [];
  let at = from;
  // A page may have fewer than there are, or none: whoever wants more asks with its token.
  const end = Math.min(ids.length, from + scanned);
  for (; at < end && TraceSummaries.length < pageSize; at += 1) {
    const trace = traceOf(call, ids[at]!);
    if (trace !== undefined && fits(trace)) TraceSummaries.push(summaryOf(trace, scope.account));
  }
  return {
    TraceSummaries,
    ApproximateTime: input.EndTime,
    TracesProcessedCount: at - from,
    ...(at < ids.length ? { NextToken: pageToken(at) } : {}),
  };
};

function summaryOf(trace: Trace, account: string): object {
  const parts = trace.segments.flatMap((one) => [...everyPart(one)]);
  const serviceOf = ({ name, origin }: SegmentDocument) => ({
    Name: name,
    Names: [name],
    AccountId: account,
    ...(origin === undefined ? {} : { Type: origin }),
  });
  const http = parts.find((one) => one.http !== undefined)?.http;
  const annotations = new Map<string, object[]>();
  for (const segment of trace.segments) {
    for (const part of everyPart(segment)) {
      for (const [key, value] of Object.entries(part.annotations ?? {})) {
        const of = { AnnotationValue: annotationOf(value), ServiceIds: [serviceOf(segment)] };
        annotations.set(key, [...(annotations.get(key) ?? []), of]);
      }
    }
  }
  const arns = parts.flatMap(({ resource_arn }) => resource_arn ?? []);
  return {
    Id: trace.id,
    StartTime: trace.start,
    Duration: trace.end - trace.start,
    ResponseTime: responseTime(trace),
    HasFault: parts.some(({ fault }) => fault === true),
    HasError: parts.some(({ error }) => error === true),
    HasThrottle: parts.some(({ throttle }) => throttle === true),
    IsPartial: parts.some(({ in_progress }) => in_progress === true),
    Http: {
      HttpURL: http?.request?.url,
      HttpStatus: http?.response?.status,
      HttpMethod: http?.request?.method,
      UserAgent: http?.request?.user_agent,
      ClientIp: http?.request?.client_ip,
    },
    Annotations: Object.fromEntries(annotations),
    Users: [...new Set(parts.flatMap(({ user }) => user ?? []))].map((UserName) => ({ UserName, ServiceIds: [] })),
    ServiceIds: trace.segments.map(serviceOf),
    ResourceARNs: [...new Set(arns)].map((ARN) => ({ ARN })),
    InstanceIds: [],
    AvailabilityZones: [],
    EntryPoint: serviceOf(trace.segments[0]!),
    Revision: trace.segments.length,
    MatchedEventTime: trace.start,
  };
}

function annotationOf(value: string | number | boolean): object {
  if (typeof value === "number") return { NumberValue: value };
  return typeof value === "boolean" ? { BooleanValue: value } : { StringValue: String(value) };
}

export const putTelemetryRecords: XRayOperation<object> = () => ({});

/** The one rule that there is: what SDKs outside functions sample by. Source: X-Ray Developer Guide, "Configuring sampling rules". */
const rule = { name: "Default", reservoir: 1, rate: 0.05 };

export const getSamplingRules: XRayOperation<object> = ({ scope }) => {
  const any = { ServiceName: "*", ServiceType: "*", Host: "*", HTTPMethod: "*", URLPath: "*", ResourceARN: "*" };
  const SamplingRule = {
    ...any,
    RuleName: rule.name,
    RuleARN: `arn:aws:xray:${scope.region}:${scope.account}:sampling-rule/${rule.name}`,
    Priority: 10_000,
    FixedRate: rule.rate,
    ReservoirSize: rule.reservoir,
    Version: 1,
    Attributes: {},
  };
  return { SamplingRuleRecords: [{ SamplingRule, CreatedAt: 0, ModifiedAt: 0 }] };
};

/** Everybody may take the whole reservoir: there is no account of who else does. */
export const getSamplingTargets: XRayOperation<GetSamplingTargetsRequest> = ({ input, context }) => {
  const given = input.SamplingStatisticsDocuments ?? [];
  const known = given.filter(({ RuleName }) => RuleName === rule.name);
  const unknown = given.filter(({ RuleName }) => RuleName !== rule.name);
  return {
    SamplingTargetDocuments: known.map(({ RuleName }) => ({
      RuleName,
      FixedRate: rule.rate,
      ReservoirQuota: rule.reservoir,
      ReservoirQuotaTTL: context.clock() / 1e3 + 60,
      Interval: 10,
    })),
    LastRuleModification: 0,
    UnprocessedStatistics: unknown.map(({ RuleName }) => ({
      RuleName,
      ErrorCode: "400",
      Message: "There is no such rule.",
    })),
  };
};

export const getSamplingStatisticSummaries: XRayOperation<object> = () => ({ SamplingStatisticSummaries: [] });
