import { invalidValue } from "../refusal.ts";
import type { Settings } from "./attributes.ts";
import { arnOf, type Queue, type QueueRecord } from "./catalogue.ts";

type Source = Pick<QueueRecord, "account" | "region" | "name">;

/**
 * May this queue send its dead letters where it wants to? Throws InvalidParameterValue.
 * Source: SQS Developer Guide, "Using dead-letter queues".
 */
export function checkRedrive(source: Source, { redrive, fifo }: Settings, byArn: (arn: string) => Queue | undefined) {
  if (redrive === undefined) return;
  const shown = JSON.stringify({ deadLetterTargetArn: redrive.arn, maxReceiveCount: redrive.max });
  const refuse = (reason: string) => invalidValue(shown, "RedrivePolicy", reason);
  const target = byArn(redrive.arn);
  if (target === undefined) throw refuse("Dead letter target does not exist.");
  if (target.record.account !== source.account || target.record.region !== source.region) {
    throw refuse("Dead letter target must be in the same account and region.");
  }
  if (target.settings.fifo !== fifo) throw refuse("Dead-letter queue must be same type of queue as the source.");
  if (!takesFrom(target, arnOf(source))) {
    throw refuse("Dead letter target does not allow this queue as a source (RedriveAllowPolicy).");
  }
}

function takesFrom({ settings: { redriveAllow } }: Queue, source: string): boolean {
  if (redriveAllow === undefined || redriveAllow.permission === "allowAll") return true;
  return redriveAllow.permission === "byQueue" && redriveAllow.sources.includes(source);
}

/** Where a queue's dead letters go; undefined: nowhere, or the queue is gone that they went to. */
export function deadLetterQueue(queue: Queue, byArn: (arn: string) => Queue | undefined): Queue | undefined {
  const { redrive, fifo } = queue.settings;
  const target = redrive === undefined ? undefined : byArn(redrive.arn);
  return target?.settings.fifo === fifo && target.number !== queue.number ? target : undefined;
}
