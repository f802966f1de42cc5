import { isoDate, type Operation, ownerOf } from "../call.ts";
import { encodingOf, maxOf } from "./list-objects.ts";

export const listMultipartUploads: Operation = ({ objects, bucket, query }) => {
  const max = maxOf(query, "max-uploads");
  const encode = encodingOf(query);
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const all = objects.uploads.list(bucket).filter(({ key }) => key.startsWith(prefix));
  // By bytes, as keys are listed.
  const passed = (key: string) => Buffer.compare(Buffer.from(key), Buffer.from(keyMarker));
  const last = all.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const rest = all.filter(({ key }, index) =>
    keyMarker === "" ? true : idMarker !== "" && key === keyMarker ? index > last : passed(key) > 0,
  );
  const uploads: typeof rest = [];
  const prefixes: string[] = [];
  let truncated = false;
  for (const upload of rest) {
    const end = delimiter === "" ? -1 : upload.key.indexOf(delimiter, prefix.length);
    const folded = end === -1 ? undefined : upload.key.slice(0, end + delimiter.length);
    if (folded !== undefined && (prefixes.at(-1) === folded || folded === keyMarker)) continue;
    if (uploads.length + prefixes.length >= max) {
      truncated = true;
      break;
    }
    if (folded === undefined) uploads.push(upload);
    else prefixes.push(folded);
  }
  const lastUpload = uploads.at(-1);
  const lastPrefix = prefixes.at(-1) ?? "";
  const endsWithPrefix =
    lastUpload === undefined || Buffer.compare(Buffer.from(lastUpload.key), Buffer.from(lastPrefix)) < 0;
  return {
    xml: [
      "ListMultipartUploadsResult",
      {
        Bucket: bucket,
        KeyMarker: encode(keyMarker),
        UploadIdMarker: idMarker,
        NextKeyMarker: truncated ? encode(endsWithPrefix ? lastPrefix : lastUpload.key) : "",
        NextUploadIdMarker: truncated && !endsWithPrefix ? lastUpload.id : "",
        Prefix: encode(prefix),
        Delimiter: delimiter === "" ? undefined : encode(delimiter),
        EncodingType: query.get("encoding-type") ?? undefined,
        MaxUploads: max,
        IsTruncated: truncated,
        Upload: uploads.map(({ key, id, initiated, owner, storageClass, algorithm, checksumType }) => ({
          Key: encode(key),
          UploadId: id,
          Initiator: ownerOf(owner),
          Owner: ownerOf(owner),
          StorageClass: storageClass,
          Initiated: isoDate(initiated),
          ChecksumAlgorithm: algorithm,
          ChecksumType: checksumType,
        })),
        CommonPrefixes: prefixes.map((one) => ({ Prefix: encode(one) })),
      },
    ],
  };
};
