import { headerOf, takeContent } from "../body.ts";
import type { Operation } from "../call.ts";
import { usualEncryption } from "../description.ts";
import { invalidArgument, S3Error } from "../errors.ts";

export const uploadPart: Operation = async ({ objects, request, caller, bucket, key, query }) => {
  const upload = objects.uploads.find(bucket, key, query.get("uploadId") ?? "");
  const number = partNumberOf(query);
  const usual = upload.algorithm ?? "CRC64NVME";
  const { received, checksum } = await takeContent(objects, request, caller.payload, usual);
  if (upload.algorithm !== undefined && checksum?.algorithm !== upload.algorithm) {
    await objects.discard(received);
    throw new S3Error(
      "InvalidRequest",
      `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm.toLowerCase()}, actual checksum Type: ${checksum?.algorithm.toLowerCase()}`,
    );
  }
  const part = await objects.uploads.putPart(upload, number, received, checksum);
  return {
    headers: {
      etag: `"${part.etag}"`,
      ...(upload.encryption ?? usualEncryption),
      ...(checksum === undefined ? {} : { [headerOf(checksum.algorithm)]: checksum.value }),
    },
  };
};

/** Throws InvalidArgument. */
export function partNumberOf(query: URLSearchParams): number {
  const text = query.get("partNumber") ?? "";
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= 10_000) return number;
  throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text);
}
