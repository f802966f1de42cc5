import type { Live } from "./live.ts";
import type { ResourceRecord } from "./records.ts";
import { inTurns } from "./turns.ts";
import { reasonOf, Stopping, type Worker } from "./worker.ts";

/**
 * Brings a stack back to what it was before an update: what is new becomes obsolete, what was replaced comes back, what was changed
 * is changed back. Gives the reason why it did not work.
 */
export async function rollBack(live: Live, worker: Worker, clock: () => number): Promise<string | undefined> {
  const { resources: before = {}, before: description } = live.operation;
  for (const record of Object.values(live.stack.resources)) {
    const old = before[record.logicalId];
    if (old === undefined) {
      live.operate({ obsolete: [...live.operation.obsolete, record] });
      live.forget(record.logicalId);
    } else if (old.physicalId !== record.physicalId) {
      const obsolete = live.operation.obsolete.filter((each) => !isSame(each, old));
      live.operate({ obsolete: record.physicalId === undefined ? obsolete : [...obsolete, record] });
      live.resource(old);
    }
  }
  // What the update would have removed is still there: it is only forgotten.
  for (const old of Object.values(before)) {
    if (live.stack.resources[old.logicalId] !== undefined) continue;
    live.operate({ obsolete: live.operation.obsolete.filter((each) => !isSame(each, old)) });
    live.resource(old);
  }
  const changed = Object.values(live.stack.resources).filter((record) => isChanged(record, before[record.logicalId]));
  const failures = await inTurns(
    changed.map(({ logicalId }) => logicalId),
    (logicalId) => before[logicalId]?.needs ?? [],
    async (logicalId) => {
      const record = live.stack.resources[logicalId]!;
      const old = before[logicalId]!;
      const going = { ...old, status: "UPDATE_IN_PROGRESS", updated: clock(), reason: undefined };
      live.told(going, going.status);
      try {
        const made = await worker.update(
          { ...live.stack, tags: description?.tags ?? {} },
          live.operation.actor,
          going,
          record.properties,
        );
        const attributes = { ...old.attributes, ...made.attributes };
        live.resource({ ...old, attributes, status: "UPDATE_COMPLETE", reason: undefined, updated: clock() });
      } catch (error) {
        if (!(error instanceof Stopping))
          live.resource({ ...record, status: "UPDATE_FAILED", reason: reasonOf(error) });
        throw error;
      }
    },
  );
  if (failures.some(({ error }) => error instanceof Stopping)) throw new Stopping();
  if (failures.length > 0) {
    return `The following resource(s) failed to update: [${failures.map(({ id }) => id).join(", ")}].`;
  }
  if (description !== undefined) live.save({ ...description });
  return undefined;
}

const isSame = (one: ResourceRecord, other: ResourceRecord): boolean =>
  one.logicalId === other.logicalId && one.physicalId === other.physicalId;

function isChanged(record: ResourceRecord, old: ResourceRecord | undefined): boolean {
  if (old === undefined) return false;
  if (/UPDATE_(IN_PROGRESS|FAILED)/.test(record.status)) return true;
  return JSON.stringify([record.properties, record.tags]) !== JSON.stringify([old.properties, old.tags]);
}
