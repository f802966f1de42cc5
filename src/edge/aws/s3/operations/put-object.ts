import type { WriteCondition } from "../../../../objects/index.ts";
import { headerOf, takeContent } from "../body.ts";
import { bucketOf, type Operation, type S3Call, versionHeader } from "../call.ts";
import { descriptionOf, usualEncryption } from "../description.ts";
import { S3Error } from "../errors.ts";

export const putObject: Operation = async (call) => {
  const { objects, request, caller, bucket, key } = call;
  const record = bucketOf(call);
  const description = descriptionOf(request.headers);
  checkAcl(call);
  const condition = conditionOf(call);
  const { received, checksum } = await takeContent(objects, request, caller.payload, "CRC64NVME");
  const { size, md5, segments } = received;
  const owner = caller.account;
  const made = await objects.put(
    { ...description, bucket, key, owner, size, etag: md5, segments, checksum },
    condition,
  );
  call.happened({ name: "ObjectCreated:Put", key, size, etag: md5, version: versionHeader(record, made.version) });
  return {
    headers: {
      etag: `"${md5}"`,
      ...(description.encryption ?? usualEncryption),
      "x-amz-version-id": versionHeader(record, made.version),
      ...(checksum === undefined
        ? {}
        : { [headerOf(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type }),
    },
  };
};

/** Source: S3 User Guide, "How to prevent object overwrites with conditional writes". */
export function conditionOf({ request }: Pick<S3Call, "request">): WriteCondition | undefined {
  const ifNoneMatch = request.headers["if-none-match"];
  const ifMatch = request.headers["if-match"];
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") {
    throw new S3Error("NotImplemented", "A header you provided implies functionality that is not implemented", {
      Header: "If-None-Match",
      additionalMessage: "We don't accept the provided value of If-None-Match header for this API",
    });
  }
  if (ifNoneMatch === undefined && ifMatch === undefined) return undefined;
  return {
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: "*" as const }),
    ...(ifMatch === undefined ? {} : { ifMatch: unquoted(ifMatch) }),
  };
}

export const unquoted = (etag: string): string => etag.trim().replace(/^"(.*)"$/, "$1");

/** Buckets have no ACLs, as AWS makes them since 2023. */
export function checkAcl({ request }: Pick<S3Call, "request">): void {
  const acl = request.headers["x-amz-acl"];
  const grants = Object.keys(request.headers).some((name) => name.startsWith("x-amz-grant-"));
  if (!grants && (acl === undefined || acl === "private" || acl === "bucket-owner-full-control")) return;
  throw new S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs");
}
