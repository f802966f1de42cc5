import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { BucketRecord, Objects } from "../../../objects/index.ts";
import { noSuchBucket } from "../../../objects/index.ts";
import type { Caller } from "../../caller.ts";
import { payloadOf, smallBody } from "./body.ts";
import { S3Error } from "./errors.ts";
import { type Element, readXml, type Tree } from "./read-xml.ts";
import type { Xml } from "./write-xml.ts";

/** One call of an operation. */
export interface S3Call {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** empty where the operation is about none */
  readonly bucket: string;
  readonly key: string;
  readonly caller: Caller;
  readonly objects: Objects;
  readonly requestId: string;
  /** Throws AccessDenied unless the caller may do this to that, too; `copy-object` reads what is another's. */
  may(action: string, bucket: string, key: string): void;
  /** Something happened to an object: tells who wants to know. The answer waits until that cannot be lost any more. */
  happened(event: Happening): void;
  /** The same for whoever signed a form, which proves itself. Throws Refusal. */
  asSignerOf(form: ReadonlyMap<string, string>): Pick<S3Call, "caller" | "may" | "happened">;
  /** Throws InvalidArgument where a configuration of notifications names nobody who could be told. */
  checkNotification(bucket: BucketRecord, configuration: Tree | string): void;
  /** Tells those whom a new configuration names that they are told from now on. */
  notificationConfigured(bucket: BucketRecord, configuration: Tree | string): Promise<void>;
}

/** Source: S3 User Guide, "Event notification types". */
export interface Happening {
  /** `ObjectCreated:Put` … */
  readonly name: string;
  readonly key: string;
  readonly size?: number | undefined;
  readonly etag?: string | undefined;
  readonly version?: string | undefined;
}

export interface Answer {
  readonly status?: number;
  /** undefined ones are left out */
  readonly headers?: Readonly<Record<string, string | number | undefined>>;
  /** root and content */
  readonly xml?: readonly [root: string, content: Xml];
  readonly text?: string;
  readonly body?: AsyncGenerator<Buffer>;
}

/** Throws S3Error, ObjectsError. */
export type Operation = (call: S3Call) => Answer | Promise<Answer>;

/** Throws NoSuchBucket. */
export function bucketOf({ objects, bucket }: Pick<S3Call, "objects" | "bucket">): BucketRecord {
  const record = objects.bucket(bucket);
  if (record === undefined) throw noSuchBucket(bucket);
  return record;
}

/** Bytes of the largest document: a list of 10,000 parts with checksums. */
const documentBytes = 8 * 1024 * 1024;

export const bodyOf = ({ request, caller }: S3Call, limit = documentBytes): Promise<Buffer> =>
  smallBody(payloadOf(request, caller.payload), limit);

/** The document that was sent. Throws MissingRequestBodyError, MalformedXML, BadDigest. */
export async function documentOf(call: S3Call): Promise<Element> {
  const bytes = await bodyOf(call);
  if (bytes.length === 0) throw new S3Error("MissingRequestBodyError", "Request Body is empty");
  const md5 = call.request.headers["content-md5"];
  if (md5 !== undefined && md5 !== createHash("md5").update(bytes).digest("base64")) {
    throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.");
  }
  return readXml(bytes);
}

/** Who owns things, as S3 names accounts: 64 hexadecimal digits. */
export const canonicalId = (account: string): string => createHash("sha256").update(`thaw/${account}`).digest("hex");

export const ownerOf = (account: string): Xml => ({ ID: canonicalId(account) });

export const isoDate = (ms: number): string => new Date(ms).toISOString();

/** `x-amz-version-id`: said where versions are, or were, kept. */
export const versionHeader = (bucket: BucketRecord, version: string | undefined) =>
  bucket.versioning === undefined ? undefined : version;
