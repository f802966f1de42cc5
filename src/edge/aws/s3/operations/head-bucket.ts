import { bucketOf, type Operation } from "../call.ts";

export const headBucket: Operation = (call) => {
  const { region, name } = bucketOf(call);
  return {
    headers: {
      "x-amz-bucket-region": region,
      "x-amz-access-point-alias": "false",
      "x-amz-bucket-arn": `arn:aws:s3:::${name}`,
      "content-type": "application/xml",
    },
  };
};
