/** As CloudWatch's metrics of event source mappings have them. Source: Developer Guide, "Event source mapping metrics". */
export const counterNames = [
  "PolledEventCount",
  "FilteredOutEventCount",
  "InvokedEventCount",
  "FailedInvokeEventCount",
  "DroppedEventCount",
  "DeletedEventCount",
  "OnFailureDestinationDeliveredEventCount",
] as const;

export type Counter = (typeof counterNames)[number];
export type Counts = Readonly<Record<Counter, number>>;

export interface Counters {
  readonly counts: Counts;
  add(counter: Counter, records: number): void;
}

/** Since the platform started. */
export function createCounters(): Counters {
  const counts = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<Counter, number>;
  return {
    counts,
    add(counter, records) {
      counts[counter] += records;
    },
  };
}
