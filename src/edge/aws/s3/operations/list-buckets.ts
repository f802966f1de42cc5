import { isoDate, type Operation, ownerOf } from "../call.ts";
import { invalidArgument } from "../errors.ts";

export const listBuckets: Operation = ({ objects, caller, query }) => {
  const max = Number(query.get("max-buckets") ?? 10_000);
  if (!Number.isInteger(max) || max < 1 || max > 10_000) {
    throw invalidArgument("max-buckets must be between 1 and 10000", "max-buckets", query.get("max-buckets") ?? "");
  }
  const prefix = query.get("prefix") ?? "";
  const region = query.get("bucket-region");
  const token = query.get("continuation-token");
  const after = token === null ? "" : Buffer.from(token, "base64url").toString();
  const found = objects
    .buckets(caller.account)
    .filter(({ name, region: of }) => name.startsWith(prefix) && name > after && (region === null || region === of));
  const page = found.slice(0, max);
  const paged = query.has("max-buckets");
  const more = found.length > page.length ? Buffer.from(page.at(-1)!.name).toString("base64url") : undefined;
  return {
    xml: [
      "ListAllMyBucketsResult",
      {
        Owner: ownerOf(caller.account),
        Buckets: {
          Bucket: page.map(({ name, created, region: of }) => ({
            Name: name,
            CreationDate: isoDate(created),
            ...(paged || region !== null ? { BucketRegion: of } : {}),
            BucketArn: `arn:aws:s3:::${name}`,
          })),
        },
        ContinuationToken: more,
        Prefix: query.get("prefix") ?? undefined,
      },
    ],
  };
};
