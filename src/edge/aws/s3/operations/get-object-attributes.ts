import { bucketOf, type Operation, versionHeader } from "../call.ts";
import { httpDate } from "../description.ts";
import { invalidArgument } from "../errors.ts";
import type { Xml } from "../write-xml.ts";
import { shownVersion } from "./get-object.ts";
import { maxOf } from "./list-objects.ts";

const known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

export const getObjectAttributes: Operation = (call) => {
  const { query, request, bucket, key } = call;
  const record = shownVersion(call, bucket, key, query.get("versionId") ?? undefined);
  const asked = String(request.headers["x-amz-object-attributes"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (asked.length === 0 || asked.some((name) => !known.includes(name))) {
    throw invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", asked.join(","));
  }
  const { checksum, parts, storageClass, size, etag } = record;
  const wants = (name: string, value: Xml): Xml => (asked.includes(name) ? value : undefined);
  const max = maxOf(new URLSearchParams({ max: String(request.headers["x-amz-max-parts"] ?? "") }), "max");
  const marker = Number(request.headers["x-amz-part-number-marker"] ?? 0) || 0;
  const rest = (parts ?? []).filter(({ number }) => number > marker);
  const shown = rest.slice(0, max);
  return {
    headers: {
      "last-modified": httpDate(record.modified),
      "x-amz-version-id": versionHeader(bucketOf(call), record.version),
    },
    xml: [
      "GetObjectAttributesResponse",
      {
        ETag: wants("ETag", etag),
        Checksum: wants(
          "Checksum",
          checksum && { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type },
        ),
        ObjectParts: wants(
          "ObjectParts",
          parts && {
            IsTruncated: rest.length > shown.length,
            MaxParts: max,
            NextPartNumberMarker: shown.at(-1)?.number ?? 0,
            PartNumberMarker: marker,
            PartsCount: parts.length,
            // Its parts' checksums count only where the whole one is made of them.
            Part: shown.map((part) => ({
              PartNumber: part.number,
              Size: part.size,
              ...(checksum === undefined ? {} : { [`Checksum${checksum.algorithm}`]: part.checksum }),
            })),
          },
        ),
        StorageClass: wants("StorageClass", storageClass),
        ObjectSize: wants("ObjectSize", size),
      },
    ],
  };
};
