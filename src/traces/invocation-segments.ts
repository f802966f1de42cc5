import type { FunctionVersion, Timing } from "../model/index.ts";
import type { SegmentDocument } from "./segment.ts";

/** A sampled invocation's place in its trace. */
export interface InvocationTrace {
  readonly trace: string;
  /** segment of who called; undefined: the trace begins here */
  readonly parent: string | undefined;
  /** of the service, and of the function, which is what the function's own subsegments hang on */
  readonly service: string;
  readonly function: string;
}

const root = /(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?=;|$)/;
const parentField = /(?:^|;)\s*Parent=([0-9a-f]{16})(?=;|$)/;
const anyParent = /;?\s*Parent=[^;]*/;

/**
 * What a sampled header (`Root=…;Sampled=1`) becomes for the function: its Parent is the function's segment. Undefined: it names no
 * trace that could be kept. `newId`: 16 random hexadecimal digits.
 */
export function withSegment(
  header: string,
  newId: () => string,
): { readonly header: string; readonly place: InvocationTrace } | undefined {
  const trace = root.exec(header)?.[1];
  if (trace === undefined) return undefined;
  const parent = parentField.exec(header)?.[1];
  // Where nobody has sent a header the platform has made up both, and the parent begins with what the root ends with.
  const isOurs = parent?.slice(0, 8) === trace.slice(-8);
  const place = { trace, parent: isOurs ? undefined : parent, service: newId(), function: newId() };
  const rest = header.replace(anyParent, "").replace(/^;\s*/, "");
  return { header: rest.replace(trace, `${trace};Parent=${place.function}`), place };
}

export interface TracedRun {
  readonly target: FunctionVersion;
  readonly requestId: string;
  readonly place: InvocationTrace;
  /** when the answer was there, milliseconds since the epoch */
  readonly ended: number;
  /** undefined: it was turned away, and there is no segment of the function */
  readonly timing: Timing | undefined;
  /** how long it all took, milliseconds */
  readonly total: number;
  /** how the function failed; undefined: it did not */
  readonly failure: { readonly type: string; readonly message: string } | undefined;
  /** the error that the caller got instead of an answer */
  readonly refused: { readonly code: string; readonly status: number } | undefined;
  newId(): string;
}

/**
 * The two segments of an invocation: `AWS::Lambda`, the service, and `AWS::Lambda::Function`, whose subsegments are the start
 * (Initialization, or Restore of a copy), the handler (Invocation) and what came after (Overhead). Source: Lambda Developer
 * Guide, "Visualize Lambda function invocations using AWS X-Ray". Starts count in the segment, as they do for whoever waits.
 */
export function segmentsOf(run: TracedRun): SegmentDocument[] {
  const { target, place, ended, total, refused } = run;
  const begun = (ended - total) / 1e3;
  const service: SegmentDocument = {
    name: target.name,
    id: place.service,
    trace_id: place.trace,
    ...(place.parent === undefined ? {} : { parent_id: place.parent }),
    start_time: begun,
    end_time: ended / 1e3,
    origin: "AWS::Lambda",
    resource_arn: target.arn,
    aws: { request_id: run.requestId, function_arn: target.arn, resource_names: [target.name] },
    http: { response: { status: refused?.status ?? 200 } },
    ...flagsOf(refused?.status),
  };
  return run.timing === undefined ? [service] : [service, functionSegment(run, run.timing, begun)];
}

function flagsOf(status: number | undefined): Partial<SegmentDocument> {
  if (status === undefined) return {};
  if (status === 429) return { error: true, throttle: true };
  return status < 500 ? { error: true } : { fault: true };
}

function functionSegment(run: TracedRun, timing: Timing, begun: number): SegmentDocument {
  const { target, place, failure, newId } = run;
  // Waiting for a place is the service's, not the function's.
  let at = begun + (timing.admit + timing.place) / 1e3;
  const start = at;
  const subsegments: SegmentDocument[] = [];
  const part = (name: string, ms: number, more: Partial<SegmentDocument> = {}) => {
    const from = at;
    at += ms / 1e3;
    const { trace } = place;
    subsegments.push({ name, id: newId(), trace_id: trace, start_time: from, end_time: at, ...more });
  };
  const { sandbox, agent, runtimeBoot, codeInit, restore, hooks } = timing;
  if (timing.start !== "warm") {
    const copied = timing.start === "restore" || timing.start === "clone";
    part(copied ? "Restore" : "Initialization", sandbox + agent + runtimeBoot + codeInit + restore + hooks, {
      metadata: { thaw: { start: timing.start, phases: { sandbox, agent, runtimeBoot, codeInit, restore, hooks } } },
    });
  }
  const fault = failure === undefined ? {} : { fault: true, cause: causeOf(failure, newId()) };
  part("Invocation", timing.handler, fault);
  part("Overhead", Math.max(0, timing.response + timing.unexplained));
  return {
    name: target.name,
    id: place.function,
    trace_id: place.trace,
    parent_id: place.service,
    start_time: start,
    end_time: Math.max(at, start),
    origin: "AWS::Lambda::Function",
    resource_arn: target.arn,
    aws: {
      function_arn: target.arn,
      account_id: target.account,
      resource_names: [target.name],
      cloudwatch_logs: [{ log_group: target.logGroup }],
    },
    ...fault,
    subsegments,
  };
}

const causeOf = ({ type, message }: { readonly type: string; readonly message: string }, id: string) => ({
  exceptions: [{ id, type, message: message.slice(0, 1000) }],
});
