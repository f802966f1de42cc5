import { isoDate, type Operation, ownerOf } from "../call.ts";
import { maxOf } from "./list-objects.ts";

export const listParts: Operation = ({ objects, bucket, key, query }) => {
  const upload = objects.uploads.find(bucket, key, query.get("uploadId") ?? "");
  const max = maxOf(query, "max-parts");
  const marker = Number(query.get("part-number-marker") ?? 0) || 0;
  const rest = objects.uploads.parts(upload).filter(({ number }) => number > marker);
  const parts = rest.slice(0, max);
  const owner = ownerOf(upload.owner);
  return {
    xml: [
      "ListPartsResult",
      {
        Bucket: bucket,
        Key: key,
        UploadId: upload.id,
        Initiator: owner,
        Owner: owner,
        StorageClass: upload.storageClass,
        PartNumberMarker: marker,
        NextPartNumberMarker: parts.at(-1)?.number ?? 0,
        MaxParts: max,
        IsTruncated: rest.length > parts.length,
        ChecksumAlgorithm: upload.algorithm,
        ChecksumType: upload.checksumType,
        Part: parts.map(({ number, modified, etag, size, checksum }) => ({
          PartNumber: number,
          LastModified: isoDate(modified),
          ETag: `"${etag}"`,
          Size: size,
          ...(upload.algorithm === undefined || checksum === undefined
            ? {}
            : { [`Checksum${checksum.algorithm}`]: checksum.value }),
        })),
      },
    ],
  };
};
