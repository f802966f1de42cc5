import { formContent, fromClient } from "../body.ts";
import { bucketOf, type Operation, type S3Call, versionHeader } from "../call.ts";
import { checkedTags, descriptionOf, usualEncryption } from "../description.ts";
import { invalidArgument, S3Error } from "../errors.ts";
import { boundaryOf, type Form, readForm } from "../form/form.ts";
import { checkForm } from "../form/policy.ts";
import { readXml } from "../read-xml.ts";
import { tagsOf } from "./object-tagging.ts";
import { checkAcl } from "./put-object.ts";

/** An object from a browser's form, as its policy allows. Source: S3 API Reference, "POST Object". */
export const postObject: Operation = async (call) => {
  const { objects, request, bucket } = call;
  const record = bucketOf(call);
  const form = await readForm(fromClient(request), boundaryOf(request.headers["content-type"] ?? ""));
  const key = keyOf(form);
  const { caller, may, happened } = call.asSignerOf(form.fields);
  const policy = form.fields.get("policy");
  // A policy's conditions are about the bucket as about a field, and about the key with its file's name in it.
  const all = new Map([...form.fields, ["bucket", bucket], ["key", key]] as const);
  const range = policy === undefined ? undefined : checkForm(policy, all, Date.now());
  may("s3:PutObject", bucket, key);

  const headers = headersOf(form.fields);
  const description = { ...descriptionOf(headers), tags: await taggingOf(form.fields.get("tagging")) };
  checkAcl({ request: { headers } as S3Call["request"] });
  const { received, checksum } = await formContent(objects, headers, form.file.bytes, range);
  const { size, md5, segments } = received;
  const made = await objects.put({
    ...description,
    bucket,
    key,
    owner: caller.account,
    size,
    etag: md5,
    segments,
    checksum,
  });
  happened({ name: "ObjectCreated:Post", key, size, etag: md5, version: versionHeader(record, made.version) });
  const location = `http://${request.headers.host}/${[bucket, ...key.split("/")].map(encodeURIComponent).join("/")}`;
  const answer = {
    etag: `"${md5}"`,
    location,
    ...(description.encryption ?? usualEncryption),
    "x-amz-version-id": versionHeader(record, made.version),
  };
  const redirect = URL.parse(form.fields.get("success_action_redirect") ?? form.fields.get("redirect") ?? "");
  if (redirect !== null && /^https?:$/.test(redirect.protocol)) {
    for (const [name, value] of Object.entries({ bucket, key, etag: `"${md5}"` })) {
      redirect.searchParams.set(name, value);
    }
    return { status: 303, headers: { ...answer, location: redirect.href } };
  }
  const status = form.fields.get("success_action_status");
  if (status === "201") {
    const PostResponse = { Location: location, Bucket: bucket, Key: key, ETag: `"${md5}"` };
    return { status: 201, headers: answer, xml: ["PostResponse", PostResponse] };
  }
  return { status: status === "200" ? 200 : 204, headers: answer };
};

/** Throws InvalidArgument, KeyTooLongError. */
function keyOf({ fields, file }: Form): string {
  const key = (fields.get("key") ?? "").replace(/\$\{filename\}/g, () => file.name);
  if (key === "") {
    const why =
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.";
    throw invalidArgument(why, "key", "");
  }
  if (Buffer.byteLength(key) <= 1024) return key;
  throw new S3Error("KeyTooLongError", "Your key is too long", { Size: Buffer.byteLength(key), MaxSizeAllowed: 1024 });
}

/** Fields that stand for headers of PutObject, as the bytes that headers would have. Throws InvalidArgument. */
function headersOf(fields: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of fields) {
    const known =
      /^(?:x-amz-(?:meta-[!#$%&'*+.^_`|~0-9a-z-]+|storage-class|server-side-encryption.*|website-redirect-location|checksum-.*)|acl|cache-control|content-(?:type|disposition|encoding|language)|expires)$/;
    if (!known.test(name)) continue;
    if (/[\u0000-\u001f\u007f]/.test(value)) throw invalidArgument("The value is not valid", name, "");
    headers[name === "acl" ? "x-amz-acl" : name] = Buffer.from(value, "utf8").toString("latin1");
  }
  return headers;
}

async function taggingOf(document: string | undefined): Promise<Record<string, string>> {
  return document === undefined ? {} : checkedTags(tagsOf(await readXml(Buffer.from(document, "utf8"))), 10);
}
