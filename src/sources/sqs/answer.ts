/**
 * Which messages of a batch a function says it could not do; undefined: its answer is none, and all of them failed. Source:
 * Developer Guide, "Success and failure conditions" of partial batch responses for Amazon SQS.
 */
export function failedItems(payload: Buffer, ids: ReadonlySet<string>): ReadonlySet<string> | undefined {
  let answer: unknown;
  try {
    answer = payload.length === 0 ? null : JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
  const failures = (answer as { batchItemFailures?: unknown } | null)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return undefined;
  const failed = failures.map((one: { itemIdentifier?: unknown } | null) => one?.itemIdentifier);
  return failed.every((id): id is string => typeof id === "string" && ids.has(id)) ? new Set(failed) : undefined;
}
