import type { IncomingMessage } from "node:http";
import type { Objects } from "../../../objects/index.ts";
import { isHostOfS3, virtualBucket } from "./host.ts";

/** Is an unsigned request meant for S3? One is if it is presigned for it, or its host or path names a bucket that there is. */
export function isForS3(objects: Pick<Objects, "bucket">, request: IncomingMessage, url: URL): boolean {
  const { searchParams: query, pathname } = url;
  const credential = query.get("X-Amz-Credential");
  if (credential !== null) return credential.split("/").at(-2) === "s3";
  if (query.has("AWSAccessKeyId") && query.has("Signature")) return true;
  const { host } = request.headers;
  if (isHostOfS3(host)) return true;
  const bucket = virtualBucket(host) ?? pathname.split("/", 2)[1] ?? "";
  return objects.bucket(bucket) !== undefined;
}
