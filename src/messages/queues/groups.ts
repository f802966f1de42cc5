import type { MessageStore } from "../store.ts";

/** As many messages of a group are out at once, at most: what one ReceiveMessage gives. */
export const mostOfGroup = 10;

type Rows = Pick<MessageStore, "front" | "group" | "addGroup" | "setGroupDue" | "removeGroup">;

/** The group's number; its first message makes it. */
export function enterGroup(store: Rows, queue: number, name: string, due: number): number {
  const known = store.group(queue, name);
  return known?.id ?? store.addGroup(queue, name, due);
}

/**
 * When a group may be received from next: when nothing of it is out any more, and its first message is due. What is out is
 * always among its first messages, because nothing else is given out before that is over.
 * Source: SQS Developer Guide, "FIFO queue delivery logic".
 */
export function settleGroup(store: Rows, group: number, now: number): void {
  const front = store.front(group, mostOfGroup);
  const first = front[0];
  if (first === undefined) {
    store.removeGroup(group);
    return;
  }
  const out = front.filter(({ due, receives }) => receives > 0 && due > now);
  store.setGroupDue(group, Math.max(first.due, ...out.map(({ due }) => due)));
}
