import type { ObjectRecord } from "../../../../objects/index.ts";
import { noSuchKey, preconditionFailed } from "../../../../objects/index.ts";
import { headerOf } from "../body.ts";
import { type Answer, bucketOf, type Operation, type S3Call, versionHeader } from "../call.ts";
import { describingHeaders, httpDate } from "../description.ts";
import { invalidArgument, S3Error } from "../errors.ts";
import { unquoted } from "./put-object.ts";

export const getObject: Operation = (call) => {
  const { record, answer, start, length } = found(call);
  if (answer.status === 304) return answer;
  return { ...answer, body: call.objects.read(record, start, length) };
};

/** The same but for the bytes. */
export const headObject: Operation = (call) => found(call).answer;

interface Found {
  readonly record: ObjectRecord;
  readonly answer: Answer;
  readonly start: number;
  readonly length: number;
}

function found(call: S3Call): Found {
  const { query, request } = call;
  const bucket = bucketOf(call);
  const record = shownVersion(call, call.bucket, call.key, query.get("versionId") ?? undefined);
  const version = { "x-amz-version-id": versionHeader(bucket, record.version) };
  if (isUnchanged(record, request.headers)) {
    const headers = { etag: `"${record.etag}"`, "last-modified": httpDate(record.modified), ...version };
    return { record, answer: { status: 304, headers }, start: 0, length: 0 };
  }
  const { start, length, partial, parts } = rangeOf(record, call);
  const checksum =
    request.headers["x-amz-checksum-mode"]?.toString().toUpperCase() === "ENABLED" && !partial
      ? record.checksum
      : undefined;
  const headers = {
    ...describingHeaders(record),
    ...version,
    ...overrides(query),
    "content-length": length,
    "content-range": partial ? `bytes ${start}-${start + length - 1}/${record.size}` : undefined,
    "x-amz-mp-parts-count": parts,
    ...(checksum === undefined
      ? {}
      : { [headerOf(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type }),
  };
  return { record, answer: { status: partial ? 206 : 200, headers }, start, length };
}

/** A version with content. Throws NoSuchKey, NoSuchVersion, and MethodNotAllowed for a delete marker that is asked for by name. */
export function shownVersion(
  { objects }: Pick<S3Call, "objects">,
  bucket: string,
  key: string,
  version: string | undefined,
): ObjectRecord {
  if (version === "") {
    throw invalidArgument("Version id cannot be the empty string", "versionId", "");
  }
  const { record } = objects.find(bucket, key, version);
  if (!record.marker) return record;
  const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": record.version };
  if (version === undefined) {
    const missing = noSuchKey(key);
    throw new S3Error("NoSuchKey", missing.message, missing.fields, headers);
  }
  throw new S3Error(
    "MethodNotAllowed",
    "The specified method is not allowed against this resource.",
    { Method: "GET", ResourceType: "DeleteMarker" },
    { ...headers, allow: "DELETE", "last-modified": httpDate(record.modified) },
  );
}

type Conditions = Readonly<Record<string, string | string[] | undefined>>;

/** Throws PreconditionFailed. True: the client has it already. Source: RFC 9110, 13.2.2, and S3's GetObject. */
export function isUnchanged(record: ObjectRecord, headers: Conditions, prefix = ""): boolean {
  const value = (name: string) => headers[`${prefix}${name}`]?.toString();
  const match = value("if-match");
  const noneMatch = value("if-none-match");
  const seconds = Math.floor(record.modified / 1000) * 1000;
  if (match !== undefined) {
    if (!names(match, record.etag)) throw preconditionFailed("If-Match");
  } else {
    const since = dateOf(value("if-unmodified-since"));
    if (since !== undefined && seconds > since) throw preconditionFailed("If-Unmodified-Since");
  }
  if (noneMatch !== undefined) return names(noneMatch, record.etag);
  const since = dateOf(value("if-modified-since"));
  return since !== undefined && seconds <= since;
}

const names = (list: string, etag: string): boolean =>
  list.split(",").some((one) => one.trim() === "*" || unquoted(one.trim().replace(/^W\//, "")) === etag);

function dateOf(text: string | undefined): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

function rangeOf(record: ObjectRecord, { query, request }: S3Call) {
  const { size, parts } = record;
  const partNumber = query.get("partNumber");
  const range = request.headers.range;
  if (partNumber !== null) {
    if (range !== undefined) {
      throw new S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
    }
    const number = Number(partNumber);
    if (!Number.isInteger(number) || number < 1 || number > 10_000) {
      throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", partNumber);
    }
    const all = parts ?? [{ number: 1, size }];
    const part = all[number - 1];
    if (part === undefined) {
      throw new S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable", {
        PartNumberRequested: number,
        ActualPartCount: all.length,
      });
    }
    const start = all.slice(0, number - 1).reduce((sum, one) => sum + one.size, 0);
    return { start, length: part.size, partial: size > 0, parts: parts?.length };
  }
  const wanted = range === undefined ? undefined : byteRange(range, size);
  if (wanted === undefined) return { start: 0, length: size, partial: false, parts: undefined };
  return { ...wanted, partial: true, parts: undefined };
}

/** Undefined: it is none that counts. Throws InvalidRange. Source: RFC 9110, 14.1.2. */
function byteRange(range: string, size: number): { start: number; length: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(range.replace(/\s/g, "")) ?? [];
  if (from === "" && to === "") return undefined;
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  const start = from === "" ? Math.max(size - Number(to), 0) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (start >= size || (from === "" && Number(to) === 0)) {
    throw new S3Error(
      "InvalidRange",
      "The requested range is not satisfiable",
      {
        RangeRequested: range,
        ActualObjectSize: size,
      },
      { "content-range": `bytes */${size}` },
    );
  }
  return { start, length: end - start + 1 };
}

const overridable = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

/** `response-content-type` and its like: for downloads by presigned URLs. */
function overrides(query: URLSearchParams): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of overridable) {
    const value = query.get(`response-${name}`);
    if (value === null) continue;
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw invalidArgument("Header value cannot be represented using ISO-8859-1.", `response-${name}`, value);
    }
    headers[name] = value;
  }
  return headers;
}
