import type { IncomingHttpHeaders } from "node:http";
import type { Description, ObjectRecord } from "../../../objects/index.ts";
import { S3Error } from "./errors.ts";

const keptHeaders = ["cache-control", "content-disposition", "content-language", "content-type", "expires"] as const;
const storageClasses: ReadonlySet<string> = new Set([
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER",
  "DEEP_ARCHIVE",
  "GLACIER_IR",
  "EXPRESS_ONEZONE",
  "OUTPOSTS",
  "SNOW",
]);
/** Bytes of names and values. Source: S3 User Guide, "Working with object metadata". */
const metadataBytes = 2048;

/** What a request's headers say about the object that it makes. Throws S3Error. */
export function descriptionOf(headers: IncomingHttpHeaders): Description {
  const kept: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = headers[name];
    if (value !== undefined) kept[name] = String(value);
  }
  const encoding = (headers["content-encoding"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name.toLowerCase() !== "aws-chunked");
  if (encoding.length > 0) kept["content-encoding"] = encoding.join(",");
  kept["content-type"] ??= "binary/octet-stream";
  const metadata: Record<string, string> = {};
  let size = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith("x-amz-meta-")) continue;
    metadata[name.slice("x-amz-meta-".length)] = String(value);
    size += name.length - "x-amz-meta-".length + Buffer.byteLength(String(value), "latin1");
  }
  if (size > metadataBytes) {
    throw new S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
      Size: size,
      MaxSizeAllowed: metadataBytes,
    });
  }
  const redirect = headers["x-amz-website-redirect-location"];
  return {
    headers: kept,
    metadata,
    storageClass: storageClassOf(headers),
    tags: taggingHeader(headers["x-amz-tagging"]),
    encryption: encryptionOf(headers),
    ...(redirect === undefined ? {} : { redirect: String(redirect) }),
  };
}

export function storageClassOf(headers: IncomingHttpHeaders): string {
  const storageClass = String(headers["x-amz-storage-class"] ?? "STANDARD");
  if (storageClasses.has(storageClass)) return storageClass;
  throw new S3Error("InvalidStorageClass", "The storage class you specified is not valid");
}

/** Everything on this disk is encrypted or not by its owner; what was asked is kept and said. */
function encryptionOf(headers: IncomingHttpHeaders): Record<string, string> | undefined {
  if (headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined) {
    throw new S3Error("NotImplemented", "Thaw does not encrypt objects with keys of the customer's");
  }
  const algorithm = headers["x-amz-server-side-encryption"];
  if (algorithm === undefined) return undefined;
  if (!["AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"].includes(String(algorithm))) {
    throw new S3Error("InvalidArgument", "The encryption method specified is not supported", {
      ArgumentName: "x-amz-server-side-encryption",
      ArgumentValue: String(algorithm),
    });
  }
  const key = headers["x-amz-server-side-encryption-aws-kms-key-id"];
  return {
    "x-amz-server-side-encryption": String(algorithm),
    ...(key === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": String(key) }),
  };
}

/** `a=b&c=d`. Throws InvalidArgument, InvalidTag. */
export function taggingHeader(header: string | string[] | undefined): Record<string, string> {
  if (header === undefined || header === "") return {};
  const pairs = [...new URLSearchParams(String(header))];
  return checkedTags(
    pairs.map(([Key, Value]) => ({ Key, Value })),
    10,
  );
}

/** Source: S3 User Guide, "Categorizing your objects using tags". */
export function checkedTags(pairs: readonly { Key: string; Value: string }[], most: number): Record<string, string> {
  if (pairs.length > most) {
    throw new S3Error("InvalidTag", `Object tags cannot be greater than ${most}`);
  }
  const tags: Record<string, string> = Object.create(null);
  for (const { Key, Value } of pairs) {
    if (Object.hasOwn(tags, Key)) {
      throw new S3Error("InvalidTag", "Cannot provide multiple Tags with the same key", { TagKey: Key });
    }
    if (Key === "" || Key.length > 128) {
      throw new S3Error("InvalidTag", "The TagKey you have provided is invalid", { TagKey: Key });
    }
    if (Key.startsWith("aws:")) {
      throw new S3Error("InvalidTag", "System tags cannot be added/updated by requester", { TagKey: Key });
    }
    if (Value.length > 256) {
      throw new S3Error("InvalidTag", "The TagValue you have provided is invalid", { TagKey: Key, TagValue: Value });
    }
    tags[Key] = Value;
  }
  return { ...tags };
}

/** What an answer says about an object. */
export function describingHeaders(record: ObjectRecord): Record<string, string | number | undefined> {
  const { headers, metadata, tags, storageClass, encryption, redirect } = record;
  const count = Object.keys(tags).length;
  return {
    ...headers,
    "last-modified": httpDate(record.modified),
    etag: `"${record.etag}"`,
    "accept-ranges": "bytes",
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
    ...(encryption ?? usualEncryption),
    "x-amz-storage-class": storageClass === "STANDARD" ? undefined : storageClass,
    "x-amz-tagging-count": count === 0 ? undefined : count,
    "x-amz-website-redirect-location": redirect,
  };
}

/** What S3 says of every object since 2023. */
export const usualEncryption = Object.freeze({ "x-amz-server-side-encryption": "AES256" });

export const httpDate = (ms: number): string => new Date(ms).toUTCString();
