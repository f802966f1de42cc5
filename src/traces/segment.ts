/** A segment or subsegment as X-Ray's documents have it: what is looked at here. Source: X-Ray Developer Guide, "Segment documents". */
export interface SegmentDocument {
  readonly name: string;
  /** 16 hexadecimal digits */
  readonly id: string;
  /** `1-5759e988-bd862e3fe1be46a994272793` */
  readonly trace_id: string;
  /** seconds since the epoch */
  readonly start_time: number;
  readonly end_time?: number;
  readonly in_progress?: boolean;
  readonly parent_id?: string;
  /** `subsegment`, of one that is sent by itself */
  readonly type?: string;
  readonly origin?: string;
  readonly namespace?: string;
  readonly user?: string;
  readonly resource_arn?: string;
  readonly error?: boolean;
  readonly fault?: boolean;
  readonly throttle?: boolean;
  readonly http?: {
    readonly request?: Readonly<Record<string, unknown>>;
    readonly response?: Readonly<Record<string, unknown>>;
  };
  readonly annotations?: Readonly<Record<string, string | number | boolean>>;
  readonly aws?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  readonly subsegments?: readonly SegmentDocument[];
  readonly [member: string]: unknown;
}

export interface StoredSegment {
  readonly account: string;
  readonly region: string;
  readonly document: SegmentDocument;
  /** the document, as JSON */
  readonly text: string;
}

/** Longest document that X-Ray takes (Service Quotas). */
const longest = 64 * 1024;

/** What keeps a document from being taken; X-Ray's code, and the document's id as far as it is known. */
export class InvalidSegment extends Error {
  override readonly name = "InvalidSegment";
  readonly code: string;
  readonly id: string | undefined;
  constructor(code: string, message: string, id?: string) {
    super(message);
    this.code = code;
    this.id = id;
  }
}

/** A document as a client sent it. Throws InvalidSegment. */
export function readSegment(text: string): SegmentDocument {
  if (Buffer.byteLength(text) > longest)
    throw new InvalidSegment("SegmentTooLarge", "The segment is larger than 64 KB");
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new InvalidSegment("ParseError", "The segment is no JSON");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new InvalidSegment("ParseError", "The segment is no JSON object");
  }
  const document = given as SegmentDocument;
  const id = typeof document.id === "string" ? document.id : undefined;
  const wrong = (code: string, what: string) => new InvalidSegment(code, `The segment has no valid ${what}`, id);
  if (!/^[0-9a-f]{16}$/.test(document.id)) throw wrong("InvalidId", "id");
  if (!/^1-[0-9a-f]{8}-[0-9a-f]{24}$/.test(document.trace_id)) throw wrong("InvalidTraceId", "trace_id");
  if (typeof document.name !== "string" || document.name === "" || document.name.length > 200) {
    throw wrong("MissingName", "name");
  }
  if (!isTime(document.start_time)) throw wrong("InvalidStartTime", "start_time");
  if (document.in_progress !== true && !isTime(document.end_time)) throw wrong("InvalidEndTime", "end_time");
  const parent = document.parent_id;
  if (parent !== undefined && !/^[0-9a-f]{16}$/.test(parent)) throw wrong("InvalidParentId", "parent_id");
  if (document.type === "subsegment" && parent === undefined) throw wrong("MissingParentId", "parent_id");
  if (!arePartsGood(document.subsegments, 0)) throw wrong("InvalidSubsegments", "subsegments");
  return document;
}

const deepest = 50;

/** What is read of subsegments is what it is to be; everything else is whatever their sender likes. */
function arePartsGood(parts: unknown, depth: number): boolean {
  if (parts === undefined || parts === null) return true;
  if (!Array.isArray(parts) || depth > deepest) return false;
  return parts.every((part: unknown) => {
    if (typeof part !== "object" || part === null) return false;
    const { name, id, start_time, end_time, subsegments } = part as SegmentDocument;
    if (typeof name !== "string" || typeof id !== "string" || !isTime(start_time)) return false;
    return (end_time === undefined || isTime(end_time)) && arePartsGood(subsegments, depth + 1);
  });
}

/** A datagram as SDKs send it to X-Ray's daemon: a line that says what it is, and a document. Throws InvalidSegment. Source: X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon". */
export function readDatagram(bytes: Buffer): SegmentDocument {
  const text = bytes.toString("utf8");
  const end = text.indexOf("\n");
  if (!/^\s*\{\s*"format"\s*:\s*"json"/.test(text.slice(0, Math.max(0, end)))) {
    throw new InvalidSegment("ParseError", "The datagram has no header");
  }
  return readSegment(text.slice(end + 1));
}

const isTime = (value: unknown): boolean => typeof value === "number" && value >= 0 && value < 1e11;
