import type { BucketRecord } from "../../../objects/index.ts";
import { anonymous, type Evaluation, evaluate, parsePolicy } from "../../../policy/index.ts";
import { reasonAgainst } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import { S3Error } from "./errors.ts";

/** What an act is about; empty: no bucket, or the bucket itself. */
export interface Target {
  readonly name: string;
  readonly key: string;
  /** undefined: there is none of that name, or none yet */
  readonly bucket: BucketRecord | undefined;
}

/** Throws AccessDenied unless the caller may. */
export function checkAccess(caller: Caller, action: string, { name, key, bucket }: Target): void {
  const resource = name === "" ? "*" : `arn:aws:s3:::${key === "" ? name : `${name}/${key}`}`;
  const policy = bucket?.configurations.policy;
  const judged = (
    principal: Parameters<typeof evaluate>[1]["principal"],
    context: Parameters<typeof evaluate>[1]["context"],
  ): Evaluation =>
    evaluate(parsePolicy(String(policy), "resource").statements, { principal, action, resource, context });
  if (caller.anonymous === true) {
    // Nobody in particular may what a bucket's policy allows to everybody.
    const open = typeof policy === "string" && judged(anonymous, caller.context ?? {}).decision === "allow";
    if (!open) throw new S3Error("AccessDenied", "Access Denied");
    return;
  }
  const why = reasonAgainst(caller, {
    action,
    resource,
    owner: bucket?.account,
    policy: typeof policy === "string" ? ({ principal, context }) => judged(principal, context) : undefined,
  });
  if (why === undefined) return;
  const who = caller.principal?.arn ?? `arn:aws:iam::${caller.account}:root`;
  throw new S3Error(
    "AccessDenied",
    `User: ${who} is not authorized to perform: ${action} on resource: "${resource}" ${why}`,
  );
}

/** What `x-amz-expected-bucket-owner` is for. */
export function checkOwner(bucket: BucketRecord | undefined, expected: string | string[] | undefined): void {
  if (bucket === undefined || expected === undefined || expected === bucket.account) return;
  throw new S3Error("AccessDenied", "Access Denied");
}
