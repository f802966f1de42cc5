import type { Delivery, Receiver } from "rhea";

/**
 * The client keeps deliveries in a ring that is freed from its oldest end: the broker may send one more only when the oldest that
 * is held is over, or the ring would run full behind it.
 */
export function createCredits(receiver: Pick<Receiver, "add_credit">) {
  /** in the order in which they came; true: over */
  const held = new Map<Delivery, boolean>();
  return {
    taken(delivery: Delivery): void {
      held.set(delivery, false);
    },
    over(delivery: Delivery): void {
      held.set(delivery, true);
      let free = 0;
      for (const [oldest, isOver] of held) {
        if (!isOver) break;
        held.delete(oldest);
        free += 1;
      }
      if (free > 0) receiver.add_credit(free);
    },
  };
}
