/** One stored event of a log group. */
export interface StoredEvent {
  /** rises within a group, over restarts too: the order of arrival */
  readonly number: number;
  /** milliseconds since the epoch */
  readonly timestamp: number;
  readonly stream: string;
  readonly message: string;
}

/** The newest events of one group in memory, bounded in bytes: the oldest make room. Ordered by number. */
export interface LogRing {
  /** Adds at the end; returns how many old events had to go that `isSafe` does not hold for (they are lost). */
  push(event: StoredEvent, isSafe: (event: StoredEvent) => boolean): number;
  /** Events with a number above `after`, oldest first. */
  since(after: number): StoredEvent[];
  first(): StoredEvent | undefined;
  /** Only those stay that `keep` holds for. */
  prune(keep: (event: StoredEvent) => boolean): void;
}

/** What an event costs beside its text: object, strings' headers, array slot. */
const overheadBytes = 120;

export function createLogRing(maxBytes: number): LogRing {
  let events: StoredEvent[] = [];
  let head = 0;
  let bytes = 0;

  return {
    push(event, isSafe) {
      events.push(event);
      bytes += costOf(event);
      let lost = 0;
      while (bytes > maxBytes && head < events.length - 1) {
        const oldest = events[head++]!;
        bytes -= costOf(oldest);
        if (!isSafe(oldest)) lost++;
      }
      // Moves the rest down only when half is empty: constant cost an event on average.
      if (head > 64 && head > events.length / 2) {
        events = events.slice(head);
        head = 0;
      }
      return lost;
    },
    since(after) {
      let low = head;
      let high = events.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (events[middle]!.number <= after) low = middle + 1;
        else high = middle;
      }
      return events.slice(low);
    },
    first: () => events[head],
    prune(keep) {
      events = events.slice(head).filter(keep);
      head = 0;
      bytes = events.reduce((sum, event) => sum + costOf(event), 0);
    },
  };
}

function costOf(event: StoredEvent): number {
  return overheadBytes + event.message.length;
}
