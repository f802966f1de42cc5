import { bucketOf, type Operation } from "../call.ts";

/** Of us-east-1 it says nothing, as ever since there was only that one. */
export const getBucketLocation: Operation = (call) => {
  const { region } = bucketOf(call);
  return { xml: ["LocationConstraint", region === "us-east-1" ? "" : region] };
};
