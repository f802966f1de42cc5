import { isoDate, type Operation } from "../call.ts";
import { usualEncryption } from "../description.ts";
import { invalidArgument, S3Error } from "../errors.ts";
import { copySource } from "./copy-object.ts";
import { partNumberOf } from "./upload-part.ts";

export const uploadPartCopy: Operation = async (call) => {
  const { objects, request, bucket, key, query } = call;
  const upload = objects.uploads.find(bucket, key, query.get("uploadId") ?? "");
  const number = partNumberOf(query);
  const source = copySource(call);
  const { start, length } = rangeOf(request.headers["x-amz-copy-source-range"], source.record.size);
  const algorithm = upload.algorithm ?? "CRC64NVME";
  const received = await objects.receive(objects.read(source.record, start, length), [algorithm]);
  const checksum = { algorithm, value: received.sums[algorithm]!, type: "FULL_OBJECT" } as const;
  const part = await objects.uploads.putPart(upload, number, received, checksum);
  return {
    headers: { ...(upload.encryption ?? usualEncryption), "x-amz-copy-source-version-id": source.shownVersion },
    xml: [
      "CopyPartResult",
      {
        LastModified: isoDate(part.modified),
        ETag: `"${part.etag}"`,
        ...(upload.algorithm === undefined ? {} : { [`Checksum${algorithm}`]: checksum.value }),
      },
    ],
  };
};

/** Throws InvalidArgument, InvalidRange. */
function rangeOf(header: string | string[] | undefined, size: number): { start: number; length: number } {
  if (header === undefined) return { start: 0, length: size };
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(header)) ?? [];
  if (from === undefined || to === undefined || Number(from) > Number(to)) {
    throw invalidArgument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
      "x-amz-copy-source-range",
      String(header),
    );
  }
  if (Number(to) >= size) {
    throw new S3Error("InvalidArgument", `Range specified is not valid for source object of size: ${size}`, {
      ArgumentName: "x-amz-copy-source-range",
      ArgumentValue: String(header),
    });
  }
  return { start: Number(from), length: Number(to) - Number(from) + 1 };
}
