import type { FunctionVersion, Timing } from "../model/index.ts";
import { attributesOf, nanoseconds } from "./attributes.ts";

/** One invocation that is over. */
export interface InvocationSpan {
  readonly target: FunctionVersion;
  readonly requestId: string;
  readonly invokedArn: string;
  /** X-Ray's: `1-8 digits-24 digits` */
  readonly trace: string;
  /** 16 hexadecimal digits: this invocation's, and who called's, as far as that is known */
  readonly span: string;
  readonly parent: string | undefined;
  /** milliseconds since the epoch */
  readonly ended: number;
  /** milliseconds */
  readonly total: number;
  /** undefined: it was turned away */
  readonly timing: Timing | undefined;
  /** type of what went wrong; undefined: nothing */
  readonly errorType: string | undefined;
}

const server = 2;
const internal = 1;
const failed = 2;

/** In the order in which they are. */
const phases = [
  ["place", "wait for an environment"],
  ["sandbox", "sandbox"],
  ["agent", "agent"],
  ["runtimeBoot", "runtime boot"],
  ["restore", "restore"],
  ["codeInit", "code init"],
  ["hooks", "restore hooks"],
  ["handler", "handler"],
  ["response", "response"],
] as const;

/** Shorter ones are no spans: they would say nothing. */
const shortestMs = 0.05;

/** Spans of a batch, as ExportTraceServiceRequest in JSON: one of each invocation, its phases as children. */
export function tracesOf(invocations: readonly InvocationSpan[], newId: () => string, resource: object[]): object {
  const byFunction = Map.groupBy(invocations, ({ target }) => target);
  const resourceSpans = [...byFunction].map(([target, some]) => ({
    resource: { attributes: [...resourceOf(target), ...resource] },
    scopeSpans: [{ scope: { name: "thaw" }, spans: some.flatMap((one) => spansOf(one, newId)) }],
  }));
  return { resourceSpans };
}

/** Source: OpenTelemetry, semantic conventions for FaaS and for cloud resources. */
function resourceOf({ name, version, account, region, arn, memoryMb }: FunctionVersion): object[] {
  return attributesOf({
    "service.name": name,
    "faas.name": name,
    "faas.version": version,
    "faas.max_memory": memoryMb * 1024 * 1024,
    "cloud.provider": "aws",
    "cloud.platform": "aws_lambda",
    "cloud.account.id": account,
    "cloud.region": region,
    "cloud.resource_id": arn,
  });
}

function spansOf(one: InvocationSpan, newId: () => string): object[] {
  const { target, requestId, invokedArn, span, parent, ended, total, timing, errorType } = one;
  // X-Ray's id without its punctuation is W3C's.
  const traceId = one.trace.slice(2).replace("-", "");
  const begun = ended - total;
  const whole = {
    traceId,
    spanId: span,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name: target.name,
    kind: server,
    startTimeUnixNano: nanoseconds(begun),
    endTimeUnixNano: nanoseconds(ended),
    attributes: attributesOf({
      "faas.invocation_id": requestId,
      "faas.coldstart": timing === undefined ? undefined : timing.start !== "warm",
      "aws.lambda.invoked_arn": invokedArn,
      "thaw.start": timing?.start,
      "error.type": errorType,
    }),
    status: errorType === undefined ? {} : { code: failed, message: errorType },
  };
  return timing === undefined ? [whole] : [whole, ...phasesOf(timing, begun, { traceId, parentSpanId: span }, newId)];
}

function phasesOf(timing: Timing, begun: number, ids: object, newId: () => string): object[] {
  const spans: object[] = [];
  let at = begun + timing.admit;
  for (const [phase, name] of phases) {
    const ms = timing[phase];
    if (ms >= shortestMs) {
      const times = { startTimeUnixNano: nanoseconds(at), endTimeUnixNano: nanoseconds(at + ms) };
      spans.push({ ...ids, spanId: newId(), name, kind: internal, ...times });
    }
    at += ms;
  }
  return spans;
}
