import { S3Error } from "./errors.ts";
import { virtualBucket } from "./host.ts";

/** Which bucket and object a request is about; empty: none. */
export interface Address {
  readonly bucket: string;
  readonly key: string;
  readonly virtualHost: boolean;
}

/** Bytes of UTF-8. Source: S3 User Guide, "Naming Amazon S3 objects". */
const longestKey = 1024;

/**
 * Bucket and key of a request, of its Host (`bucket.s3.localhost`, `bucket.s3.eu-west-1.amazonaws.com`, `bucket.localhost`) or
 * of its path. The path is read as it was sent: `..` and `//` are parts of keys. Throws S3Error.
 */
export function addressOf(host: string | undefined, target: string): Address {
  const path = decoded(target.split("?", 1)[0]!.replace(/^[^/]*/, "")).slice(1);
  const bucket = virtualBucket(host);
  if (bucket !== undefined) return { bucket, key: checkKey(path), virtualHost: true };
  const slash = path.indexOf("/");
  if (slash === -1) return { bucket: path, key: "", virtualHost: false };
  return { bucket: path.slice(0, slash), key: checkKey(path.slice(slash + 1)), virtualHost: false };
}

function checkKey(key: string): string {
  if (Buffer.byteLength(key) <= longestKey) return key;
  throw new S3Error("KeyTooLongError", "Your key is too long", {
    Size: Buffer.byteLength(key),
    MaxSizeAllowed: longestKey,
  });
}

/** Percent-decoded UTF-8. Throws InvalidURI. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error("InvalidURI", "Couldn't parse the specified URI.", { URI: text.slice(0, 2048) });
  }
}

/**
 * Throws InvalidBucketName. Source: S3 User Guide, "General purpose bucket naming rules".
 */
export function checkBucketName(name: string): void {
  const right =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (right) return;
  throw new S3Error("InvalidBucketName", "The specified bucket is not valid.", { BucketName: name });
}
