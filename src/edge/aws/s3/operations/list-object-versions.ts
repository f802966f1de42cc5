import { bucketOf, isoDate, type Operation, ownerOf } from "../call.ts";
import { invalidArgument } from "../errors.ts";
import { encodingOf, maxOf } from "./list-objects.ts";

export const listObjectVersions: Operation = (call) => {
  const { query, objects, bucket } = call;
  bucketOf(call);
  const max = maxOf(query, "max-keys");
  const encode = encodingOf(query);
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const after = query.get("key-marker") ?? "";
  const afterVersion = query.get("version-id-marker");
  if (afterVersion !== null && afterVersion !== "" && after === "") {
    throw invalidArgument(
      "A version-id marker cannot be specified without a key marker.",
      "version-id-marker",
      afterVersion,
    );
  }
  const page =
    max === 0
      ? { items: [], prefixes: [] }
      : objects.listVersions(bucket, { prefix, delimiter, after, max }, afterVersion || undefined);
  const shown = page.items.map(({ record, latest }) => ({
    marker: record.marker,
    entry: {
      Key: encode(record.key),
      VersionId: record.version,
      IsLatest: latest,
      LastModified: isoDate(record.modified),
      ...(record.marker
        ? {}
        : {
            ETag: `"${record.etag}"`,
            ChecksumAlgorithm: record.checksum?.algorithm,
            ChecksumType: record.checksum?.type,
            Size: record.size,
            StorageClass: record.storageClass,
          }),
      Owner: ownerOf(record.owner || bucketOf(call).account),
    },
  }));
  return {
    xml: [
      "ListVersionsResult",
      {
        Name: bucket,
        Prefix: encode(prefix),
        KeyMarker: encode(after),
        VersionIdMarker: afterVersion ?? "",
        NextKeyMarker: page.next === undefined ? undefined : encode(page.next),
        NextVersionIdMarker: page.nextVersion || undefined,
        MaxKeys: max,
        Delimiter: delimiter === "" ? undefined : encode(delimiter),
        EncodingType: query.get("encoding-type") ?? undefined,
        IsTruncated: page.next !== undefined,
        Version: shown.filter(({ marker }) => !marker).map(({ entry }) => entry),
        DeleteMarker: shown.filter(({ marker }) => marker).map(({ entry }) => entry),
        CommonPrefixes: page.prefixes.map((one) => ({ Prefix: encode(one) })),
      },
    ],
  };
};
