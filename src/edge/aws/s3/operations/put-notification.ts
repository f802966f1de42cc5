import { randomUUID } from "node:crypto";
import { bucketOf, documentOf, type Operation } from "../call.ts";
import { listOf, ruleElements } from "../notification-rules.ts";
import { expectRoot, type Tree, treeOf } from "../read-xml.ts";
import { keep } from "./configurations.ts";

/** An empty configuration ends all notifications. */
export const putBucketNotification: Operation = async (call) => {
  const bucket = bucketOf(call);
  const document = treeOf(expectRoot(await documentOf(call), "NotificationConfiguration"));
  if (call.request.headers["x-amz-skip-destination-validation"] !== "true") call.checkNotification(bucket, document);
  await keep(call, "notification", typeof document === "string" ? undefined : named(document));
  await call.notificationConfigured(bucket, document);
  return {};
};

/** Whoever gives a configuration no id gets one. */
function named(document: Tree): Tree {
  const kinds = Object.keys(ruleElements).filter((kind) => document[kind] !== undefined);
  const name = (one: string | Tree) =>
    typeof one === "string" || one.Id !== undefined ? one : { Id: randomUUID(), ...one };
  return { ...document, ...Object.fromEntries(kinds.map((kind) => [kind, listOf(document[kind]).map(name)])) };
}
