import { bucketOf, documentOf, type Operation } from "../call.ts";
import { malformed, S3Error } from "../errors.ts";
import { expectRoot, textOf } from "../read-xml.ts";

export const getBucketVersioning: Operation = (call) => {
  const { versioning } = bucketOf(call);
  return { xml: ["VersioningConfiguration", { Status: versioning }] };
};

export const putBucketVersioning: Operation = async (call) => {
  const element = expectRoot(await documentOf(call), "VersioningConfiguration");
  const status = textOf(element, "Status");
  if (status === undefined) {
    throw new S3Error("MalformedXML", "The Versioning element must be specified");
  }
  if (status !== "Enabled" && status !== "Suspended") throw malformed();
  await call.objects.changeBucket(call.bucket, (bucket) => ({ ...bucket, versioning: status }));
  return {};
};
