import { checkBucketName } from "../address.ts";
import { bodyOf, type Operation } from "../call.ts";
import { S3Error } from "../errors.ts";
import { child, expectRoot, readXml, textOf } from "../read-xml.ts";

/** In us-east-1 making one's own bucket again is no error. Source: S3 API Reference, CreateBucket. */
export const createBucket: Operation = async (call) => {
  const { bucket, caller, objects, request } = call;
  checkBucketName(bucket);
  const body = await bodyOf(call);
  const given = body.length === 0 ? undefined : expectRoot(await readXml(body), "CreateBucketConfiguration");
  const asked = given === undefined ? undefined : textOf(given, "LocationConstraint");
  if (given !== undefined && child(given, "Location") !== undefined) {
    throw new S3Error("NotImplemented", "Thaw does not have directory buckets");
  }
  if (asked === "us-east-1") {
    throw new S3Error("InvalidLocationConstraint", "The specified location-constraint is not valid", {
      LocationConstraint: asked,
    });
  }
  const region = asked === undefined || asked === "" ? "us-east-1" : asked === "EU" ? "eu-west-1" : asked;
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    throw new S3Error("InvalidLocationConstraint", "The specified location-constraint is not valid", {
      LocationConstraint: region,
    });
  }
  if (region !== caller.region && caller.region !== "us-east-1") {
    const shown = asked ?? "unspecified";
    throw new S3Error(
      "IllegalLocationConstraintException",
      `The ${shown} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    );
  }
  const there = objects.bucket(bucket);
  const again = there?.account === caller.account && there.region === "us-east-1" && region === "us-east-1";
  if (!again) await objects.createBucket({ name: bucket, account: caller.account, region });
  if (request.headers["x-amz-bucket-object-lock-enabled"] === "true") {
    await objects.changeBucket(bucket, (record) => ({ ...record, versioning: "Enabled" }));
  }
  return {
    headers: {
      location:
        caller.region === "us-east-1" && region === "us-east-1" ? `/${bucket}` : `http://${bucket}.s3.amazonaws.com/`,
    },
  };
};
