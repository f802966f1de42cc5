/** Records that are sent together. */
export interface Batch<R> {
  readonly records: readonly R[];
  /** invocations with its first record that failed, those that only split it not counted */
  readonly failures: number;
}

/** What a function made of a batch. `from`: the place of the first record that it could not do. */
export type Verdict = { readonly kind: "done" } | { readonly kind: "failed"; readonly from: number };

export interface RetryRules {
  readonly bisect: boolean;
  /** MaximumRetryAttempts; -1: without end */
  readonly retries: number;
}

export interface Consequence<R> {
  /** how many records from the first on are done */
  readonly done: number;
  /** what is sent next, in this order */
  readonly next: readonly Batch<R>[];
  /** what is sent no more, with how often it was sent */
  readonly givenUp?: Batch<R>;
}

/**
 * What follows from a verdict. What was done before the first failure is not sent again. With `bisect` a batch is split where
 * the function said, or else in the middle, which does not count as a retry; a record alone has all retries for itself.
 * Sources: Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source" and "Configuring
 * partial batch response with Kinesis Data Streams".
 */
export function consequenceOf<R>(batch: Batch<R>, verdict: Verdict, { bisect, retries }: RetryRules): Consequence<R> {
  const { records, failures } = batch;
  if (verdict.kind === "done") return { done: records.length, next: [] };
  const done = verdict.from;
  const rest = records.slice(done);
  if (bisect && done > 0) return { done, next: [{ records: rest, failures: 0 }] };
  if (bisect && rest.length > 1) {
    const middle = Math.ceil(rest.length / 2);
    const halves = [rest.slice(0, middle), rest.slice(middle)];
    return { done, next: halves.map((half) => ({ records: half, failures })) };
  }
  const again = { records: rest, failures: done > 0 ? 1 : failures + 1 };
  return retries !== -1 && again.failures > retries ? { done, next: [], givenUp: again } : { done, next: [again] };
}

/** Cuts off the records from the first on that are all too old, or all not. `oldest`: the earliest arrival still sent. */
export function cutByAge<R extends { readonly arrived: number }>(
  records: readonly R[],
  oldest: number,
): { readonly expired: boolean; readonly head: readonly R[]; readonly rest: readonly R[] } {
  const isExpired = ({ arrived }: R) => arrived < oldest;
  const expired = records[0] !== undefined && isExpired(records[0]);
  const end = records.findIndex((record) => isExpired(record) !== expired);
  const cut = end === -1 ? records.length : end;
  return { expired, head: records.slice(0, cut), rest: records.slice(cut) };
}
