import type { StoredEvent } from "../../../../observe/index.ts";
import { ingested, placeOf } from "../place.ts";
import type { Value } from "./values.ts";

/** A log event, and where it lies. */
export interface EventRow extends StoredEvent {
  /** `account:group` */
  readonly log: string;
}

/** Names an event: GetLogRecord takes it. */
const pointerTo = (event: EventRow): string => Buffer.from(`${event.log}|${placeOf(event)}`).toString("base64");

type Fields = Readonly<Record<string, Value>>;

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const ofPlatform = new RegExp(`^(START|END|REPORT) RequestId: (${uuid})`);
const ofFunction = new RegExp(`^[^\\n]{0,60}\\t(${uuid})\\t`);
const timedOut = new RegExp(`^\\S+ (${uuid}) Task timed out`);
const mb = 1_000_000;

/** In the order of REPORT's parts: field, what stands before the number, and the factor that makes milliseconds or bytes of it. */
const measures: readonly (readonly [field: string, label: string, factor: number])[] = [
  ["@duration", "\tDuration: ", 1],
  ["@billedDuration", "\tBilled Duration: ", 1],
  ["@memorySize", "\tMemory Size: ", mb],
  ["@maxMemoryUsed", "\tMax Memory Used: ", mb],
  ["@initDuration", "\tInit Duration: ", 1],
  ["@restoreDuration", "\tRestore Duration: ", 1],
  ["@billedRestoreDuration", "\tBilled Restore Duration: ", 1],
];

/**
 * What CloudWatch finds out about lines of functions, and of platform.report in JSON the same. Memory is in bytes, an MB 1,000,000 of them.
 * Source: CloudWatch Logs User Guide, "Supported logs and discovered fields".
 */
function ofLambda(message: string, json: Value): Fields {
  const found: Record<string, Value> = {};
  const [, type, requestId] = ofPlatform.exec(message) ?? [];
  if (type === undefined) {
    const id = (ofFunction.exec(message) ?? timedOut.exec(message))?.[1];
    if (id !== undefined) found["@requestId"] = id;
    return json === undefined ? found : { ...found, ...ofDocument(json) };
  }
  found["@type"] = type;
  found["@requestId"] = requestId;
  if (type !== "REPORT") return found;
  for (const [field, label, factor] of measures) {
    const at = message.indexOf(label);
    const value = at === -1 ? Number.NaN : Number.parseFloat(message.slice(at + label.length));
    if (!Number.isNaN(value)) found[field] = value * factor;
  }
  const [, trace, segment] = /\tXRAY TraceId: (\S+)\tSegmentId: (\S+)/.exec(message) ?? [];
  if (trace !== undefined) Object.assign(found, { "@xrayTraceId": trace, "@xraySegmentId": segment });
  return found;
}

function ofDocument(json: Value): Fields {
  const { type, record, requestId } = json as { type?: unknown; record?: Record<string, unknown>; requestId?: unknown };
  if (typeof type !== "string" || !type.startsWith("platform.") || typeof record !== "object") {
    return typeof requestId === "string" ? { "@requestId": requestId } : {};
  }
  const metrics = (record.metrics ?? {}) as Record<string, number | undefined>;
  const kind = { "platform.start": "START", "platform.runtimeDone": "END", "platform.report": "REPORT" }[type];
  const bytes = (count: number | undefined) => (count === undefined ? undefined : count * mb);
  const all: Fields = {
    "@type": kind,
    "@requestId": record.requestId as Value,
    ...(kind === "REPORT"
      ? {
          "@duration": metrics.durationMs,
          "@billedDuration": metrics.billedDurationMs,
          "@memorySize": bytes(metrics.memorySizeMB),
          "@maxMemoryUsed": bytes(metrics.maxMemoryUsedMB),
          "@initDuration": metrics.initDurationMs,
          "@restoreDuration": metrics.restoreDurationMs,
          "@billedRestoreDuration": metrics.billedRestoreDurationMs,
        }
      : {}),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The first JSON object within a message. */
function embedded(message: string): Value {
  const from = message.indexOf("{");
  if (from === -1) return undefined;
  const to = message.lastIndexOf("}");
  try {
    return JSON.parse(message.slice(from, to + 1)) as Value;
  } catch {
    return undefined;
  }
}

/** An event's fields, each found out when it is first asked for. */
export interface Discovered {
  get(name: string): Value;
  /** All there are; of JSON at most 200, nested ones with their paths. */
  all(): Map<string, Value>;
}

export function discover(event: EventRow): Discovered {
  let document: { readonly json: Value } | undefined;
  let lambda: Fields | undefined;
  const json = (): Value => {
    document ??= { json: embedded(event.message) };
    return document.json;
  };
  const own: Readonly<Record<string, () => Value>> = {
    "@timestamp": () => new Date(event.timestamp),
    "@ingestionTime": () => new Date(ingested(event)),
    "@message": () => event.message,
    "@logStream": () => event.stream,
    "@log": () => event.log,
    "@ptr": () => pointerTo(event),
  };
  const ofLog = (): Fields => {
    lambda ??= ofLambda(event.message, json());
    return lambda;
  };
  return {
    get(name) {
      if (Object.hasOwn(own, name)) return own[name]!();
      if (name.startsWith("@") && Object.hasOwn(ofLog(), name)) return ofLog()[name];
      return memberOf(json(), name);
    },
    all() {
      const found = new Map<string, Value>(Object.entries(own).map(([name, get]) => [name, get()]));
      for (const [name, value] of Object.entries(ofLog())) found.set(name, value);
      flatten(json(), "", found, 200 + found.size);
      return found;
    },
  };
}

/** `a.b.0.c`: each part a member, or the rest of the name one. */
export function memberOf(value: Value, path: string): Value {
  if (typeof value !== "object" || value === null) return undefined;
  const members = value as Readonly<Record<string, Value>>;
  if (Object.hasOwn(members, path)) return members[path] ?? undefined;
  for (let dot = path.indexOf("."); dot !== -1; dot = path.indexOf(".", dot + 1)) {
    const first = path.slice(0, dot);
    if (!Object.hasOwn(members, first)) continue;
    const found = memberOf(members[first], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function flatten(value: Value, path: string, into: Map<string, Value>, most: number): void {
  if (into.size >= most || value === undefined || value === null) return;
  if (typeof value !== "object") {
    if (path !== "") into.set(path, value);
    return;
  }
  for (const [name, inner] of Object.entries(value)) flatten(inner, path === "" ? name : `${path}.${name}`, into, most);
}
