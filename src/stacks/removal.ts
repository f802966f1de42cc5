import type { Live } from "./live.ts";
import type { ResourceRecord } from "./records.ts";
import { inTurns } from "./turns.ts";
import { reasonOf, Stopping, type Worker } from "./worker.ts";

/**
 * Deletes resources, each before those that it needs. `from`: whether they are the stack's own, or what an update has left over.
 * Resolves with what could not be deleted.
 */
export async function removeAll(
  live: Live,
  worker: Worker,
  records: readonly ResourceRecord[],
  from: "stack" | "obsolete",
): Promise<readonly { readonly record: ResourceRecord; readonly error: unknown }[]> {
  const keyOf = (record: ResourceRecord): string => `${record.logicalId} ${record.physicalId ?? ""}`;
  const byKey = new Map(records.map((record) => [keyOf(record), record]));
  const keysOf = (logicalId: string): string[] => [...byKey.keys()].filter((key) => key.startsWith(`${logicalId} `));
  /** who needs a resource goes first */
  const dependants = new Map<string, string[]>();
  for (const [key, record] of byKey) {
    for (const needed of record.needs.flatMap(keysOf)) {
      dependants.set(needed, [...(dependants.get(needed) ?? []), key]);
    }
  }
  const failed: { record: ResourceRecord; error: unknown }[] = [];
  await inTurns(
    [...byKey.keys()].reverse(),
    (key) => dependants.get(key) ?? [],
    async (key) => {
      const record = byKey.get(key)!;
      try {
        await remove(live, worker, record, from);
      } catch (error) {
        // The others are deleted all the same.
        if (!(error instanceof Stopping)) note(live, record, from, error);
        failed.push({ record, error });
      }
    },
  );
  if (failed.some(({ error }) => error instanceof Stopping)) throw new Stopping();
  return failed;
}

async function remove(live: Live, worker: Worker, record: ResourceRecord, from: "stack" | "obsolete"): Promise<void> {
  const { stack, operation } = live;
  const replaced = from === "obsolete" && stack.resources[record.logicalId] !== undefined;
  const policy = replaced ? record.replacePolicy : record.deletionPolicy;
  const kept =
    policy === "Retain" ||
    policy === "Snapshot" ||
    (policy === "RetainExceptOnCreate" && operation.kind !== "create") ||
    operation.retain.includes(record.logicalId);
  const forget = (status: string): void => {
    if (from === "stack") {
      live.told({ ...record }, status);
      live.forget(record.logicalId);
    } else {
      live.told(record, status);
      live.operate({ obsolete: live.operation.obsolete.filter((each) => !isSame(each, record)) });
    }
  };
  if (kept && record.physicalId !== undefined) return forget("DELETE_SKIPPED");
  if (record.physicalId === undefined) return forget("DELETE_COMPLETE");
  if (from === "stack") live.resource({ ...record, status: "DELETE_IN_PROGRESS", reason: undefined });
  else live.told(record, "DELETE_IN_PROGRESS");
  await worker.delete(stack, operation.actor, record);
  forget("DELETE_COMPLETE");
}

const isSame = (one: ResourceRecord, other: ResourceRecord): boolean =>
  one.logicalId === other.logicalId && one.physicalId === other.physicalId;

function note(live: Live, record: ResourceRecord, from: "stack" | "obsolete", error: unknown): void {
  if (from === "stack") live.resource({ ...record, status: "DELETE_FAILED", reason: reasonOf(error) });
}
