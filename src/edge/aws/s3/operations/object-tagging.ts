import { bucketOf, documentOf, type Operation, type S3Call, versionHeader } from "../call.ts";
import { checkedTags } from "../description.ts";
import { malformed } from "../errors.ts";
import { child, children, type Element, expectRoot } from "../read-xml.ts";
import { shownVersion } from "./get-object.ts";

export const getObjectTagging: Operation = (call) => {
  const { tags, version } = recordOf(call);
  return { headers: versionOf(call, version), xml: ["Tagging", tagSet(tags)] };
};

export const putObjectTagging: Operation = async (call) => {
  const { objects, bucket, key } = call;
  const tags = checkedTags(tagsOf(await documentOf(call)), 10);
  const { version, size, etag } = recordOf(call);
  await objects.describe(bucket, key, version, (record) => ({ ...record, tags }));
  call.happened({ name: "ObjectTagging:Put", key, size, etag, ...versioned(call, version) });
  return { headers: versionOf(call, version) };
};

export const deleteObjectTagging: Operation = async (call) => {
  const { objects, bucket, key } = call;
  const { version, size, etag } = recordOf(call);
  await objects.describe(bucket, key, version, (record) => ({ ...record, tags: {} }));
  call.happened({ name: "ObjectTagging:Delete", key, size, etag, ...versioned(call, version) });
  return { status: 204, headers: versionOf(call, version) };
};

const recordOf = (call: S3Call) => shownVersion(call, call.bucket, call.key, call.query.get("versionId") ?? undefined);
const versionOf = (call: S3Call, version: string) => ({ "x-amz-version-id": versionHeader(bucketOf(call), version) });
const versioned = (call: S3Call, version: string) => ({ version: versionHeader(bucketOf(call), version) });

export const tagSet = (tags: Readonly<Record<string, string>>) => ({
  TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
});

/** Throws MalformedXML. */
export function tagsOf(document: Element): { Key: string; Value: string }[] {
  const set = child(expectRoot(document, "Tagging"), "TagSet");
  if (set === undefined) throw malformed();
  return children(set, "Tag").map((tag) => {
    const [key, value] = [child(tag, "Key"), child(tag, "Value")];
    if (key === undefined || value === undefined) throw malformed();
    return { Key: key.text, Value: value.text };
  });
}
