import { algorithms, type ChecksumType } from "../../../../objects/index.ts";
import { givenSum } from "../body.ts";
import { bucketOf, documentOf, type Operation, versionHeader } from "../call.ts";
import { usualEncryption } from "../description.ts";
import { malformed } from "../errors.ts";
import { children, type Element, expectRoot, textOf } from "../read-xml.ts";
import { conditionOf, unquoted } from "./put-object.ts";

export const completeMultipartUpload: Operation = async (call) => {
  const { objects, request, bucket, key, query } = call;
  const record = bucketOf(call);
  const upload = objects.uploads.find(bucket, key, query.get("uploadId") ?? "");
  const root = expectRoot(await documentOf(call), "CompleteMultipartUpload");
  const parts = children(root, "Part").map(partOf);
  if (parts.length === 0) throw malformed();
  const size = request.headers["x-amz-mp-object-size"];
  const made = await objects.uploads.complete(upload, {
    parts,
    condition: conditionOf(call),
    sums: wholeSums(request.headers),
    type: request.headers["x-amz-checksum-type"]?.toString().toUpperCase() as ChecksumType | undefined,
    size: size === undefined ? undefined : Number(size),
  });
  const version = versionHeader(record, made.version);
  call.happened({ name: "ObjectCreated:CompleteMultipartUpload", key, size: made.size, etag: made.etag, version });
  const host = request.headers.host ?? "localhost";
  const { checksum } = made;
  return {
    headers: { ...(made.encryption ?? usualEncryption), "x-amz-version-id": version },
    xml: [
      "CompleteMultipartUploadResult",
      {
        Location: `http://${host}/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`,
        Bucket: bucket,
        Key: key,
        ETag: `"${made.etag}"`,
        ...(checksum === undefined
          ? {}
          : { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type }),
      },
    ],
  };
};

function partOf(element: Element) {
  const number = Number(textOf(element, "PartNumber"));
  const etag = unquoted(textOf(element, "ETag") ?? "");
  if (!Number.isInteger(number) || number < 1 || etag === "") throw malformed();
  const sums = algorithms.flatMap((algorithm) => {
    const sum = textOf(element, `Checksum${algorithm}`);
    return sum === undefined ? [] : [[algorithm, sum]];
  });
  return { number, etag, sums: Object.fromEntries(sums) };
}

/** A composite one has `-N` behind it. */
function wholeSums(headers: Parameters<typeof givenSum>[0]) {
  const plain = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name.startsWith("x-amz-checksum-") ? String(value).replace(/-\d+$/, "") : value,
    ]),
  );
  const given = givenSum(plain);
  return given === undefined ? {} : { [given.algorithm]: given.value };
}
