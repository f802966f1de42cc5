import type { Operation } from "../call.ts";

export const deleteBucket: Operation = async ({ objects, bucket }) => {
  await objects.deleteBucket(bucket);
  return { status: 204 };
};
