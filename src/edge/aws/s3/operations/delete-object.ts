import { type Answer, bucketOf, type Operation, type S3Call } from "../call.ts";
import { invalidArgument } from "../errors.ts";
import { unquoted } from "./put-object.ts";

export const deleteObject: Operation = async (call): Promise<Answer> => {
  const { query, key, request } = call;
  bucketOf(call);
  const version = query.get("versionId") ?? undefined;
  if (version === "") throw invalidArgument("Version id cannot be the empty string", "versionId", "");
  const ifMatch = request.headers["if-match"];
  const done = await deleteOne(call, key, version, ifMatch === undefined ? undefined : unquoted(ifMatch));
  return {
    status: 204,
    headers: {
      "x-amz-version-id": done.version,
      "x-amz-delete-marker": done.marker ? "true" : undefined,
    },
  };
};

/** Deletes, and tells of it. */
export async function deleteOne(call: S3Call, key: string, version: string | undefined, ifMatch: string | undefined) {
  const bucket = bucketOf(call);
  const condition = ifMatch === undefined ? undefined : { ifMatch };
  const done = await call.objects.delete(bucket.name, key, version, condition);
  const kept = bucket.versioning !== undefined;
  if (done.created) call.happened({ name: "ObjectRemoved:DeleteMarkerCreated", key, version: done.version });
  else if (done.changed) call.happened({ name: "ObjectRemoved:Delete", key, version: kept ? version : undefined });
  return { ...done, version: kept ? done.version : undefined };
}
