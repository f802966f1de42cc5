export interface BatchRules {
  /** BatchSize */
  readonly size: number;
  /** MaximumBatchingWindowInSeconds */
  readonly windowSeconds: number;
  /** bytes of all records together */
  readonly bytes: number;
}

/** An invocation's payload less what stands around the records; the state of a tumbling window comes off it, too. */
export const mostRecordBytes = 6 * 1024 * 1024 - 1024;

/** How many of the waiting records make the next batch, and whether there is no reason to wait for more. */
export function nextBatch(
  waiting: readonly { readonly bytes: number }[],
  { size, bytes }: Pick<BatchRules, "size" | "bytes">,
): { readonly count: number; readonly full: boolean } {
  let sum = 0;
  for (const [index, record] of waiting.entries()) {
    // With the comma before the next.
    sum += record.bytes + 1;
    // One that is too long for itself is sent all the same: the invocation says what is wrong.
    if (sum > bytes && index > 0) return { count: index, full: true };
    if (index + 1 === size) return { count: size, full: true };
  }
  return { count: waiting.length, full: sum >= bytes };
}
