import { ServiceError } from "../../../model/index.ts";
import type { Scope } from "../../../registry/index.ts";
import type { SegmentDocument, Traces } from "../../../traces/index.ts";

export interface XRayContext {
  readonly traces: Traces;
  /** milliseconds since the epoch */
  clock(): number;
}

export interface XRayCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly context: XRayContext;
}

export type XRayOperation<Input> = (call: XRayCall<Input>) => object;

/** Times of requests and answers are seconds since the epoch. */
export type Seconds<T> = Omit<T, "StartTime" | "EndTime"> & { readonly StartTime: number; readonly EndTime: number };

export const invalid = (message: string): ServiceError => new ServiceError("InvalidRequestException", message);

/** A trace with its segments, those that were sent by themselves where they belong. */
export interface Trace {
  readonly id: string;
  readonly segments: readonly SegmentDocument[];
  /** seconds since the epoch */
  readonly start: number;
  readonly end: number;
}

/** Undefined: there is none. */
export function traceOf({ context, scope }: XRayCall<unknown>, id: string): Trace | undefined {
  const documents = context.traces.read(scope.account, scope.region, id);
  if (documents.length === 0) return undefined;
  const segments = assembled(documents);
  const start = Math.min(...documents.map(({ start_time }) => start_time));
  const end = Math.max(...documents.map(({ start_time, end_time = start_time }) => end_time));
  return { id, segments, start, end };
}

/** Subsegments that came by themselves are put into what they belong to; those whose parent is not there stay by themselves. */
function assembled(documents: readonly SegmentDocument[]): SegmentDocument[] {
  const byParent = Map.groupBy(
    documents.filter(({ type }) => type === "subsegment"),
    ({ parent_id }) => parent_id,
  );
  const placed = new Set<string>();
  const whole = (document: SegmentDocument, depth: number): SegmentDocument => {
    const own = document.subsegments ?? [];
    const sent = depth > 50 ? [] : (byParent.get(document.id) ?? []).filter(({ id }) => !placed.has(id));
    for (const { id } of sent) placed.add(id);
    const all = [...own, ...sent];
    if (all.length === 0) return document;
    return { ...document, subsegments: all.map((one) => whole(one, depth + 1)) };
  };
  const segments = documents.filter(({ type }) => type !== "subsegment").map((one) => whole(one, 0));
  const left = documents.filter(({ type, id }) => type === "subsegment" && !placed.has(id));
  return [...segments, ...left.map((one) => whole(one, 0))];
}

/** A segment and all below it. */
export function* everyPart(segment: SegmentDocument): Generator<SegmentDocument> {
  yield segment;
  for (const inner of segment.subsegments ?? []) yield* everyPart(inner);
}

/** What a token of a page stands for. Throws InvalidRequestException. */
export function pageFrom(token: string | undefined): number {
  if (token === undefined) return 0;
  const at = Number(Buffer.from(token, "base64url").toString());
  if (Number.isSafeInteger(at) && at > 0) return at;
  throw invalid("Invalid NextToken");
}

export const pageToken = (at: number): string => Buffer.from(String(at)).toString("base64url");
