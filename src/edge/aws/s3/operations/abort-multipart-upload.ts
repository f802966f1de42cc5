import type { Operation } from "../call.ts";

export const abortMultipartUpload: Operation = async ({ objects, bucket, key, query }) => {
  await objects.uploads.abort(objects.uploads.find(bucket, key, query.get("uploadId") ?? ""));
  return { status: 204 };
};
