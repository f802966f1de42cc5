import { documentOf, type Operation } from "../call.ts";
import { malformed, told } from "../errors.ts";
import { children, expectRoot, textOf } from "../read-xml.ts";
import type { Xml } from "../write-xml.ts";
import { deleteOne } from "./delete-object.ts";
import { unquoted } from "./put-object.ts";

/** Source: S3 API Reference, DeleteObjects. */
const most = 1000;

export const deleteObjects: Operation = async (call) => {
  const root = expectRoot(await documentOf(call), "Delete");
  const wanted = children(root, "Object").map((object) => ({
    // A key is not trimmed: it may begin with a space.
    key: children(object, "Key")[0]?.text ?? "",
    version: textOf(object, "VersionId") || undefined,
    etag: textOf(object, "ETag"),
  }));
  if (wanted.length === 0 || wanted.length > most || wanted.some(({ key }) => key === "")) throw malformed();
  const quiet = textOf(root, "Quiet") === "true";
  const deleted: Xml[] = [];
  const failed: Xml[] = [];
  for (const { key, version, etag } of wanted) {
    try {
      call.may(version === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion", call.bucket, key);
      const done = await deleteOne(call, key, version, etag === undefined ? undefined : unquoted(etag));
      const marker = done.marker ? { DeleteMarker: true, DeleteMarkerVersionId: done.version } : {};
      if (!quiet) deleted.push({ Key: key, VersionId: version, ...marker });
    } catch (error) {
      const { code, message } = told(error) ?? raise(error);
      failed.push({ Key: key, VersionId: version, Code: code, Message: message });
    }
  }
  return { xml: ["DeleteResult", { Deleted: deleted, Error: failed }] };
};

function raise(error: unknown): never {
  throw error;
}
