import type { Head } from "../message.ts";
import { invalidValue, MessageRefusal } from "../refusal.ts";
import type { MessageRow, MessageStore } from "../store.ts";
import type { Queue } from "./catalogue.ts";
import { settleGroup } from "./groups.ts";
import { badHandle, type Receipt, receiptOf } from "./handles.ts";

/** Removes the message that the handle is of. One that is gone already is no error. Throws MessageRefusal. */
export function deleteMessage(store: MessageStore, queue: Queue, handle: string, now: number): void {
  const receipt = receiptOf(handle);
  const row = rowOf(store, queue, receipt, handle);
  if (row === undefined) return;
  if (queue.settings.fifo) checkCurrent(row, receipt, handle, now);
  store.remove(row.id);
  if (row.group !== undefined) settleGroup(store, row.group, now);
}

/** The message may be received again after `seconds` from now. Throws MessageRefusal. */
export function changeVisibility(
  store: MessageStore,
  queue: Queue,
  handle: string,
  seconds: number,
  now: number,
): void {
  if (seconds < 0 || seconds > 43_200) {
    throw invalidValue(seconds, "VisibilityTimeout", "Must be between 0 and 43200, if provided.");
  }
  const receipt = receiptOf(handle);
  const row = rowOf(store, queue, receipt, handle);
  if (row === undefined) {
    const reason = "Message does not exist or is not available for visibility timeout change.";
    throw invalidValue(handle, "ReceiptHandle", reason);
  }
  if (queue.settings.fifo) checkCurrent(row, receipt, handle, now);
  if (row.receives !== receipt.receives) {
    throw new MessageRefusal("MessageNotInflight", "The specified message isn't in flight.");
  }
  store.hide(row.id, now + seconds * 1000);
  if (row.group !== undefined) settleGroup(store, row.group, now);
}

/** Undefined: it is gone, or has left this queue. Throws ReceiptHandleIsInvalid for what was never of this queue. */
function rowOf(store: MessageStore, queue: Queue, receipt: Receipt, handle: string): MessageRow | undefined {
  const row = store.row(receipt.id);
  if (row === undefined || row.queue !== queue.number) {
    if (row !== undefined && receipt.queue !== queue.number) throw badHandle(handle);
    return undefined;
  }
  const { id } = JSON.parse(store.head(row.id) ?? "{}") as Head;
  if (id !== receipt.message) throw badHandle(handle);
  return row;
}

/** Source: SQS API Reference, DeleteMessage: FIFO queues take the handle of the last receive only, and in time. */
function checkCurrent(row: MessageRow, receipt: Receipt, handle: string, now: number): void {
  if (row.receives === receipt.receives && row.due > now) return;
  throw invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.");
}
