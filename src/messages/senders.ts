import type { Messages } from "./messages.ts";
import { letsIn, maySend, type ServiceSender } from "./queues/policy.ts";

/**
 * May another service send to this queue or topic for one of its resources? What its policy says; where it was never given one, those of
 * its own account may, unless permissions are checked (`strict`). What is not here is for whoever sends to find out. Source: SNS Developer
 * Guide, "Example cases for Amazon SNS access control"; EventBridge User Guide, "Using resource-based policies".
 */
export function mayServiceSend(
  { queues, topics }: Pick<Messages, "queues" | "topics">,
  arn: string,
  sender: ServiceSender,
  strict: boolean,
): boolean {
  const [, , service, , owner] = arn.split(":");
  const isOwn = owner === (sender.sourceAccount ?? sender.sourceArn.split(":")[4]);
  if (service === "sqs") {
    const queue = queues.byArn(arn);
    if (queue === undefined) return true;
    return isOwn && !strict && queue.settings.policy.length === 0 ? true : maySend(queue, sender);
  }
  const topic = service === "sns" ? topics.find(arn) : undefined;
  if (topic === undefined) return true;
  return isOwn && !strict && topic.record.attributes.Policy === undefined
    ? true
    : letsIn(topic.policy, "sns:Publish", arn, sender);
}
