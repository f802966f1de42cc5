import type { Verdict } from "./attempts.ts";

export interface AnswerRules {
  /** FunctionResponseTypes has ReportBatchItemFailures */
  readonly reportsItems: boolean;
  /** the event was one of a tumbling window: an answer without `state` is a failure */
  readonly windowed: boolean;
}

export interface Answer {
  readonly verdict: Verdict;
  /** the state that the function gave, JSON; of windows only */
  readonly state?: string;
}

const failed: Verdict = { kind: "failed", from: 0 };
const done: Verdict = { kind: "done" };

/**
 * Reads what a function answered to these records. Of several failures the first in the shard counts. Source: Developer
 * Guide, "Configuring partial batch response with Kinesis Data Streams and Lambda" (success and failure conditions).
 */
export function readAnswer(
  payload: Buffer,
  sequences: readonly string[],
  { reportsItems, windowed }: AnswerRules,
): Answer {
  if (!reportsItems && !windowed) return { verdict: done };
  let answer: unknown;
  try {
    answer = payload.length === 0 ? null : JSON.parse(payload.toString("utf8"));
  } catch {
    return { verdict: failed };
  }
  const { batchItemFailures, state } = (typeof answer === "object" && answer !== null ? answer : {}) as {
    batchItemFailures?: unknown;
    state?: unknown;
  };
  const verdict = reportsItems ? verdictOf(batchItemFailures, sequences) : done;
  if (!windowed) return { verdict };
  if (typeof state !== "object" || state === null) return { verdict: failed };
  return { verdict, state: JSON.stringify(state) };
}

function verdictOf(failures: unknown, sequences: readonly string[]): Verdict {
  if (failures === undefined || failures === null) return done;
  if (!Array.isArray(failures)) return failed;
  if (failures.length === 0) return done;
  const places = failures.map((one) =>
    sequences.indexOf((one as { itemIdentifier?: unknown } | null)?.itemIdentifier as string),
  );
  // A name that no record has says nothing about which ones were done.
  return places.includes(-1) ? failed : { kind: "failed", from: Math.min(...places) };
}
