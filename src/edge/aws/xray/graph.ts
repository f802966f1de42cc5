import type { GetServiceGraphRequest, GetTraceGraphRequest } from "@aws-sdk/client-xray";
import type { SegmentDocument } from "../../../traces/index.ts";
import { everyPart, type Seconds, type Trace, traceOf, type XRayCall, type XRayOperation } from "./context.ts";
import { checkTimes } from "./operations.ts";

/** Counts of a service, or of what one asks of another. */
interface Statistics {
  ok: number;
  errors: number;
  throttles: number;
  faults: number;
  seconds: number;
  from: number;
  to: number;
  readonly times: number[];
}

interface Node {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  root: boolean;
  readonly statistics: Statistics;
  readonly edges: Map<number, Statistics>;
}

const newStatistics = (): Statistics => ({
  ok: 0,
  errors: 0,
  throttles: 0,
  faults: 0,
  seconds: 0,
  from: Number.POSITIVE_INFINITY,
  to: 0,
  times: [],
});

function count(into: Statistics, { start_time, end_time = start_time, error, fault, throttle }: SegmentDocument): void {
  if (fault) into.faults += 1;
  else if (throttle) into.throttles += 1;
  else if (error) into.errors += 1;
  else into.ok += 1;
  into.seconds += end_time - start_time;
  into.times.push(end_time - start_time);
  into.from = Math.min(into.from, start_time);
  into.to = Math.max(into.to, end_time);
}

/** Services by name and type, and who calls whom: segments, and calls of what sends no segments itself. */
function graphOf(traces: readonly Trace[]): Node[] {
  const nodes = new Map<string, Node>();
  const nodeOf = (name: string, type: string): Node => {
    const key = `${type} ${name}`;
    const found = nodes.get(key);
    if (found !== undefined) return found;
    const made = { number: nodes.size, name, type, root: false, statistics: newStatistics(), edges: new Map() };
    nodes.set(key, made);
    return made;
  };
  const call = (from: Node, to: Node, part: SegmentDocument): void => {
    const edge = from.edges.get(to.number) ?? newStatistics();
    from.edges.set(to.number, edge);
    count(edge, part);
  };
  for (const { segments } of traces) {
    /** by the ids of all its parts, the node that a segment is */
    const owners = new Map<string, Node>();
    for (const segment of segments) {
      const node = nodeOf(segment.name, segment.origin ?? "remote");
      for (const { id } of everyPart(segment)) owners.set(id, node);
    }
    const answered = new Set(segments.flatMap(({ parent_id }) => parent_id ?? []));
    for (const segment of segments) {
      const node = owners.get(segment.id)!;
      count(node.statistics, segment);
      const parent = segment.parent_id === undefined ? undefined : owners.get(segment.parent_id);
      if (parent !== undefined) call(parent, node, segment);
      else {
        node.root = true;
        const client = nodeOf(segment.name, "client");
        count(client.statistics, segment);
        call(client, node, segment);
      }
      for (const part of everyPart(segment)) {
        if (part === segment || part.namespace === undefined || answered.has(part.id)) continue;
        const other = nodeOf(part.name, part.namespace === "aws" ? `AWS::${part.name}` : "remote");
        count(other.statistics, part);
        call(node, other, part);
      }
    }
  }
  return [...nodes.values()];
}

function shownStatistics({ ok, errors, throttles, faults, seconds }: Statistics): object {
  return {
    OkCount: ok,
    ErrorStatistics: { ThrottleCount: throttles, OtherCount: errors, TotalCount: errors + throttles },
    FaultStatistics: { OtherCount: faults, TotalCount: faults },
    TotalCount: ok + errors + throttles + faults,
    TotalResponseTime: seconds,
  };
}

/** Times to three digits, and how often each. */
const histogramOf = ({ times }: Statistics): object[] =>
  [...Map.groupBy(times, (time) => Number(time.toPrecision(3)))].map(([Value, all]) => ({ Value, Count: all.length }));

const shown = (node: Node, account: string): object => ({
  ReferenceId: node.number,
  Name: node.name,
  Names: [node.name],
  Root: node.root,
  AccountId: account,
  Type: node.type,
  State: "active",
  StartTime: node.statistics.from,
  EndTime: node.statistics.to,
  Edges: [...node.edges].map(([ReferenceId, edge]) => ({
    ReferenceId,
    StartTime: edge.from,
    EndTime: edge.to,
    SummaryStatistics: shownStatistics(edge),
    ResponseTimeHistogram: histogramOf(edge),
    Aliases: [],
  })),
  SummaryStatistics: shownStatistics(node.statistics),
  DurationHistogram: histogramOf(node.statistics),
  ResponseTimeHistogram: histogramOf(node.statistics),
});

/** Traces that one graph is made of. */
const mostTraces = 300;

function tracesOf(call: XRayCall<unknown>, ids: readonly string[]): Trace[] {
  return ids.slice(0, mostTraces).flatMap((id) => traceOf(call, id) ?? []);
}

export const getServiceGraph: XRayOperation<Seconds<GetServiceGraphRequest>> = (call) => {
  const { input, scope, context } = call;
  checkTimes(input);
  const ids = context.traces.between(scope.account, scope.region, input.StartTime, input.EndTime);
  const Services = graphOf(tracesOf(call, ids)).map((node) => shown(node, scope.account));
  return { StartTime: input.StartTime, EndTime: input.EndTime, Services, ContainsOldGroupVersions: false };
};

export const getTraceGraph: XRayOperation<GetTraceGraphRequest> = (call) => ({
  Services: graphOf(tracesOf(call, call.input.TraceIds ?? [])).map((node) => shown(node, call.scope.account)),
});
