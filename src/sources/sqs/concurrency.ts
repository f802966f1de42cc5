/** How many batches may run at once. */
export interface Concurrency {
  limit(): number;
  /** A batch ran; `running`: with it. */
  ran(running: number): void;
  /** A batch found no place. */
  throttled(running: number): void;
}

/**
 * Grows by one with every batch that ran while all places were taken, so that it doubles in the time of one; halves when the
 * function is throttled. Lambda begins with five, too, and adds at most 300 a minute. Source: Developer Guide, "Configuring
 * scaling behavior for SQS event source mappings".
 */
export function createConcurrency(most: number): Concurrency {
  let limit = Math.min(5, most);
  return {
    limit: () => limit,
    ran(running) {
      if (running >= limit) limit = Math.min(limit + 1, most);
    },
    throttled(running) {
      limit = Math.max(1, Math.min(limit, Math.floor(running / 2)));
    },
  };
}
