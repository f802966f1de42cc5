import { type Head, type MessageAttribute, unpacked } from "../message.ts";
import type { MessageRow, MessageStore } from "../store.ts";
import { arnOf, type Catalogue, type Queue } from "./catalogue.ts";
import { enterGroup, mostOfGroup, settleGroup } from "./groups.ts";
import { handleOf } from "./handles.ts";
import { deadLetterQueue } from "./redrive.ts";
import { sequenceOf } from "./sending.ts";

/** A message as a consumer gets it. */
export interface Received {
  readonly messageId: string;
  readonly handle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  /** by name: SenderId, SentTimestamp … */
  readonly system: Readonly<Record<string, string>>;
}

export interface ReceivingNeeds {
  readonly store: MessageStore;
  readonly catalogue: Pick<Catalogue, "byArn">;
  /** Told that there is something new in another queue. */
  arrived(queue: Queue): void;
}

/**
 * Takes at most `want` messages out of a queue for `visibilityMs`. What is too old is removed on the way, and what was
 * received too often goes to the dead-letter queue.
 */
export function takeMessages(needs: ReceivingNeeds, queue: Queue, want: number, visibilityMs: number, now: number) {
  const taking = { needs, queue, visibilityMs, now, taken: [] as Received[] };
  if (queue.settings.fifo) takeFromGroups(taking, want);
  else takeDue(taking, want);
  return taking.taken;
}

interface Taking {
  readonly needs: ReceivingNeeds;
  readonly queue: Queue;
  readonly visibilityMs: number;
  readonly now: number;
  readonly taken: Received[];
}

function takeDue(taking: Taking, want: number): void {
  const { needs, queue, now, taken, visibilityMs } = taking;
  while (taken.length < want) {
    const rows = needs.store.due(queue.number, now, want - taken.length);
    for (const row of rows) takeRow(taking, row);
    // What stays visible would be found again.
    if (rows.length === 0 || visibilityMs === 0) return;
  }
}

function takeFromGroups(taking: Taking, want: number): void {
  const { store } = taking.needs;
  const { queue, now, taken, visibilityMs } = taking;
  while (taken.length < want) {
    const groups = store.dueGroups(queue.number, now, want - taken.length);
    for (const group of groups) {
      for (const row of store.front(group.id, Math.min(mostOfGroup, want - taken.length))) {
        // Whatever is behind a message that cannot be had yet has to wait for it.
        if (row.due > now) break;
        takeRow(taking, row);
      }
      settleGroup(store, group.id, now);
      if (taken.length >= want) break;
    }
    if (groups.length === 0 || visibilityMs === 0) return;
  }
}

function takeRow({ needs, queue, visibilityMs, now, taken }: Taking, row: MessageRow): void {
  const { store } = needs;
  const { settings } = queue;
  if (row.sent + settings.retentionMs <= now) {
    store.remove(row.id);
    return;
  }
  if (settings.redrive !== undefined && row.receives >= settings.redrive.max) {
    const target = deadLetterQueue(queue, needs.catalogue.byArn);
    if (target !== undefined) {
      bury(needs, queue, target, row, now);
      return;
    }
  }
  const content = store.content(row.id);
  if (content === undefined) {
    store.remove(row.id);
    return;
  }
  const receives = row.receives + 1;
  const first = row.first === 0 ? now : row.first;
  store.take(row.id, now + visibilityMs, receives, first);
  const head = JSON.parse(content.head) as Head;
  taken.push({
    messageId: head.id,
    handle: handleOf({ queue: queue.number, id: row.id, receives, message: head.id }),
    body: content.body,
    attributes: unpacked(head.attributes),
    system: systemOf(row, head, first, settings.fifo),
  });
}

/** To the dead-letter queue. A standard queue's letters keep their age. Source: SQS Developer Guide, "Using dead-letter queues". */
function bury({ store, arrived }: ReceivingNeeds, from: Queue, target: Queue, row: MessageRow, now: number): void {
  const { fifo } = target.settings;
  const name = fifo ? (JSON.parse(store.head(row.id) ?? "{}") as Head).group : undefined;
  const group = name === undefined ? undefined : enterGroup(store, target.number, name, now);
  store.move(row.id, from.number, {
    queue: target.number,
    due: now,
    sent: fifo ? now : row.sent,
    earlier: row.earlier + row.receives,
    group,
    source: arnOf(from.record),
  });
  arrived(target);
}

/** Source: SQS API Reference, ReceiveMessage, MessageSystemAttributeNames. */
function systemOf(row: MessageRow, head: Head, first: number, fifo: boolean): Record<string, string> {
  return {
    SenderId: head.sender,
    ApproximateFirstReceiveTimestamp: String(first),
    ApproximateReceiveCount: String(row.earlier + row.receives + 1),
    SentTimestamp: String(row.sent),
    ...(fifo ? { SequenceNumber: sequenceOf(row.id) } : {}),
    ...(head.deduplication === undefined ? {} : { MessageDeduplicationId: head.deduplication }),
    ...(head.group === undefined ? {} : { MessageGroupId: head.group }),
    ...(head.trace === undefined ? {} : { AWSTraceHeader: head.trace }),
    ...(row.source === undefined ? {} : { DeadLetterQueueSourceArn: row.source }),
  };
}
