import type { ObjectRecord, Page } from "../../../../objects/index.ts";
import { bucketOf, isoDate, type Operation, ownerOf, type S3Call } from "../call.ts";
import { invalidArgument } from "../errors.ts";
import type { Xml } from "../write-xml.ts";

export const listObjects: Operation = (call) => {
  const { query, bucket } = call;
  const max = maxOf(query, "max-keys");
  const marker = query.get("marker") ?? "";
  const page = pageOf(call, marker, max);
  const encode = encodingOf(query);
  const delimiter = query.get("delimiter") ?? undefined;
  return {
    headers: { "x-amz-bucket-region": bucketOf(call).region },
    xml: [
      "ListBucketResult",
      {
        Name: bucket,
        Prefix: encode(query.get("prefix") ?? ""),
        Marker: encode(marker),
        // AWS gives it only where a delimiter is: who has none takes the last key.
        NextMarker: page.next !== undefined && delimiter ? encode(page.next) : undefined,
        MaxKeys: max,
        Delimiter: delimiter === undefined || delimiter === "" ? undefined : encode(delimiter),
        EncodingType: query.get("encoding-type") ?? undefined,
        IsTruncated: page.next !== undefined,
        ...contents(page, encode, true),
      },
    ],
  };
};

export const listObjectsV2: Operation = (call) => {
  const { query, bucket } = call;
  const max = maxOf(query, "max-keys");
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  if (token === "") {
    throw invalidArgument("The continuation token provided is incorrect", "continuation-token", "");
  }
  const page = pageOf(call, token === null ? (startAfter ?? "") : tokenKey(token), max);
  const encode = encodingOf(query);
  const delimiter = query.get("delimiter") ?? "";
  return {
    headers: { "x-amz-bucket-region": bucketOf(call).region },
    xml: [
      "ListBucketResult",
      {
        Name: bucket,
        Prefix: encode(query.get("prefix") ?? ""),
        StartAfter: startAfter === null ? undefined : encode(startAfter),
        ContinuationToken: token ?? undefined,
        NextContinuationToken: page.next === undefined ? undefined : keyToken(page.next),
        KeyCount: page.items.length + page.prefixes.length,
        MaxKeys: max,
        Delimiter: delimiter === "" ? undefined : encode(delimiter),
        EncodingType: query.get("encoding-type") ?? undefined,
        IsTruncated: page.next !== undefined,
        ...contents(page, encode, query.get("fetch-owner") === "true"),
      },
    ],
  };
};

function pageOf({ objects, bucket, query }: S3Call, after: string, max: number): Page<ObjectRecord> {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  bucketOf({ objects, bucket });
  return max === 0 ? { items: [], prefixes: [] } : objects.list(bucket, { prefix, delimiter, after, max });
}

function contents(
  { items, prefixes }: Page<ObjectRecord>,
  encode: (text: string) => string,
  owner: boolean,
): Record<string, Xml> {
  return {
    Contents: items.map((record) => ({
      Key: encode(record.key),
      LastModified: isoDate(record.modified),
      ETag: `"${record.etag}"`,
      ChecksumAlgorithm: record.checksum?.algorithm,
      ChecksumType: record.checksum?.type,
      Size: record.size,
      ...(owner ? { Owner: ownerOf(record.owner) } : {}),
      StorageClass: record.storageClass,
    })),
    CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
}

const keyToken = (key: string): string => Buffer.from(`1${key}`).toString("base64");

function tokenKey(token: string): string {
  const text = Buffer.from(token, "base64").toString();
  if (text.startsWith("1") && keyToken(text.slice(1)) === token) return text.slice(1);
  throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
}

/** Throws InvalidArgument. More than 1,000 are taken for 1,000. */
export function maxOf(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null || text === "") return 1000;
  if (!/^-?\d+$/.test(text))
    throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, text);
  const value = Number(text);
  if (value > 2 ** 31 - 1) throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, text);
  if (value < 0) throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, text);
  return Math.min(value, 1000);
}

/** How keys are written. Throws InvalidArgument. */
export function encodingOf(query: URLSearchParams): (text: string) => string {
  const asked = query.get("encoding-type");
  if (asked === null || asked === "") return (text) => text;
  if (asked !== "url") throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", asked);
  return (text) =>
    encodeURIComponent(text)
      .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%2F", "/")
      .replaceAll("%20", "+");
}
