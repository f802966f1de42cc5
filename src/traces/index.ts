export { type InvocationTrace, segmentsOf, withSegment } from "./invocation-segments.ts";
export type { SegmentDocument, StoredSegment } from "./segment.ts";
export { InvalidSegment, readDatagram, readSegment } from "./segment.ts";
export { createTraces, type Traces, type TracesNeeds } from "./traces.ts";
