import type { Algorithm, Checksum, ObjectRecord } from "../../../../objects/index.ts";
import { preconditionFailed } from "../../../../objects/index.ts";
import { decoded } from "../address.ts";
import { askedAlgorithm } from "../body.ts";
import { bucketOf, isoDate, type Operation, type S3Call, versionHeader } from "../call.ts";
import { descriptionOf, taggingHeader, usualEncryption } from "../description.ts";
import { invalidArgument, S3Error } from "../errors.ts";
import { isUnchanged, shownVersion } from "./get-object.ts";
import { checkAcl, conditionOf } from "./put-object.ts";

export const copyObject: Operation = async (call) => {
  const { objects, request, caller, bucket, key } = call;
  const target = bucketOf(call);
  checkAcl(call);
  const source = copySource(call);
  const { record } = source;
  const directive = directiveOf(request.headers["x-amz-metadata-directive"], "metadata");
  const tagging = directiveOf(request.headers["x-amz-tagging-directive"], "tagging");
  const given = descriptionOf(request.headers);
  const sameObject = record.bucket === bucket && record.key === key && source.version === undefined;
  const storageClass = request.headers["x-amz-storage-class"] === undefined ? "STANDARD" : given.storageClass;
  if (sameObject && directive === "COPY" && given.encryption === undefined && storageClass === record.storageClass) {
    throw new S3Error(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const condition = conditionOf(call);
  const { headers, metadata } = directive === "REPLACE" ? given : record;
  const content = await copied(
    call,
    record,
    askedAlgorithm({ "x-amz-checksum-algorithm": request.headers["x-amz-checksum-algorithm"] }),
  );
  const made = await objects.put(
    {
      headers,
      metadata,
      storageClass,
      tags: tagging === "REPLACE" ? taggingHeader(request.headers["x-amz-tagging"]) : record.tags,
      encryption: given.encryption,
      ...(given.redirect === undefined ? {} : { redirect: given.redirect }),
      bucket,
      key,
      owner: caller.account,
      ...content,
    },
    condition,
  );
  const version = versionHeader(target, made.version);
  call.happened({ name: "ObjectCreated:Copy", key, size: made.size, etag: made.etag, version });
  const { checksum } = made;
  return {
    headers: {
      ...(given.encryption ?? usualEncryption),
      "x-amz-version-id": version,
      "x-amz-copy-source-version-id": source.shownVersion,
    },
    xml: [
      "CopyObjectResult",
      {
        LastModified: isoDate(made.modified),
        ETag: `"${made.etag}"`,
        ...(checksum === undefined
          ? {}
          : { ChecksumType: checksum.type, [`Checksum${checksum.algorithm}`]: checksum.value }),
      },
    ],
  };
};

/** The object that a request's headers want copied, if it is as they say. Throws S3Error. */
export function copySource(call: S3Call): {
  record: ObjectRecord;
  version: string | undefined;
  shownVersion: string | undefined;
} {
  const { headers } = call.request;
  const text = String(headers["x-amz-copy-source"]);
  const mark = text.indexOf("?versionId=");
  const version = mark === -1 ? undefined : decoded(text.slice(mark + "?versionId=".length));
  const path = decoded(mark === -1 ? text : text.slice(0, mark)).replace(/^\//, "");
  const slash = path.indexOf("/");
  if (slash < 1 || slash === path.length - 1) {
    throw invalidArgument(
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
      "x-amz-copy-source",
      text,
    );
  }
  const [bucket, key] = [path.slice(0, slash), path.slice(slash + 1)];
  const from = bucketOf({ objects: call.objects, bucket });
  call.may(version === undefined ? "s3:GetObject" : "s3:GetObjectVersion", bucket, key);
  const record = shownVersion(call, bucket, key, version);
  if (isUnchanged(record, headers, "x-amz-copy-source-")) throw preconditionFailed("x-amz-copy-source-If-None-Match");
  return { record, version, shownVersion: versionHeader(from, record.version) };
}

/** Another name for the same bytes, unless their sums are to be others: then they are read and written anew. */
async function copied(call: S3Call, record: ObjectRecord, algorithm: Algorithm | undefined) {
  const { objects } = call;
  const { checksum } = record;
  const asItIs = record.parts === undefined && (algorithm === undefined || algorithm === checksum?.algorithm);
  if (asItIs) {
    return { segments: await objects.duplicate(record), size: record.size, etag: record.etag, checksum };
  }
  const wanted = algorithm ?? checksum?.algorithm ?? "CRC64NVME";
  const { segments, size, md5, sums } = await objects.receive(objects.read(record), [wanted]);
  const summed: Checksum = { algorithm: wanted, value: sums[wanted]!, type: "FULL_OBJECT" };
  return { segments, size, etag: md5, checksum: summed };
}

function directiveOf(header: string | string[] | undefined, what: string): "COPY" | "REPLACE" {
  if (header === undefined || header === "COPY") return "COPY";
  if (header === "REPLACE") return "REPLACE";
  throw invalidArgument(`Unknown ${what} directive.`, `x-amz-${what}-directive`, String(header));
}
