import { type ChecksumType, canBe, usualType } from "../../../../objects/index.ts";
import { askedAlgorithm } from "../body.ts";
import { bucketOf, type Operation } from "../call.ts";
import { descriptionOf, usualEncryption } from "../description.ts";
import { S3Error } from "../errors.ts";
import { checkAcl } from "./put-object.ts";

export const createMultipartUpload: Operation = async (call) => {
  const { objects, request, caller, bucket, key } = call;
  bucketOf(call);
  checkAcl(call);
  const description = descriptionOf(request.headers);
  const algorithm = askedAlgorithm(request.headers);
  const asked = request.headers["x-amz-checksum-type"]?.toString().toUpperCase();
  if (asked !== undefined && algorithm === undefined) {
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    );
  }
  const checksumType = algorithm === undefined ? undefined : ((asked ?? usualType(algorithm)) as ChecksumType);
  if (algorithm !== undefined && checksumType !== undefined && !canBe(algorithm, checksumType)) {
    throw new S3Error(
      "InvalidRequest",
      `The ${checksumType} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  const { id } = await objects.uploads.create({
    ...description,
    bucket,
    key,
    owner: caller.account,
    algorithm,
    checksumType,
  });
  return {
    headers: {
      ...(description.encryption ?? usualEncryption),
      "x-amz-checksum-algorithm": algorithm,
      "x-amz-checksum-type": checksumType,
    },
    xml: ["InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: id }],
  };
};
