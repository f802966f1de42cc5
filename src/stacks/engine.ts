import { Unresolved } from "../templates/index.ts";
import { differing, replaces } from "./changes.ts";
import { createEvaluation, type Evaluation } from "./evaluation.ts";
import { type Live, openLive } from "./live.ts";
import { generatedName } from "./naming.ts";
import { parameterTexts, parameterValues } from "./parameters.ts";
import type { ResourceRecord, StackRecord } from "./records.ts";
import { removeAll } from "./removal.ts";
import { handlerOf } from "./resources/index.ts";
import { rollBack } from "./rollback.ts";
import type { StackStore } from "./store.ts";
import { parseTemplate, prepare, type Ready } from "./template.ts";
import { inTurns } from "./turns.ts";
import { createWorker, reasonOf, Stopping, type Worker, type WorkerNeeds } from "./worker.ts";

export interface EngineNeeds extends Omit<WorkerNeeds, "stopping"> {
  readonly store: StackStore;
  exported(account: string, region: string, name: string): string | undefined;
  report(error: unknown): void;
}

/** Does what stacks have been told to do; goes on with what an earlier platform began. */
export interface Engine {
  /** Begins with a stack's operation, or goes on with it. */
  start(stack: StackRecord): void;
  /** Resolves when nothing runs any more; what is not over stays to be done. */
  stop(): Promise<void>;
}

export function createEngine(needs: EngineNeeds): Engine {
  const { store, clock } = needs;
  let stopping = false;
  const running = new Map<string, Promise<void>>();
  const worker = createWorker({ ...needs, stopping: () => stopping });

  async function run(stack: StackRecord): Promise<void> {
    const live = openLive(store, stack, clock);
    try {
      if (live.operation.kind === "delete") await finishDeletion(live, worker);
      else await deploy(live);
    } catch (error) {
      if (error instanceof Stopping || stopping) return;
      needs.report(error);
      const { kind } = live.operation;
      live.save({ operation: undefined });
      live.status(`${kind.toUpperCase()}_FAILED`, reasonOf(error));
    }
  }

  async function deploy(live: Live): Promise<void> {
    if (live.operation.phase === "forward") {
      const reason = await forward(live);
      if (reason !== undefined && live.operation.onFailure === "DO_NOTHING") return end(live, "FAILED", reason);
      if (reason === undefined) {
        live.operate({ phase: "cleanup" });
        if (live.operation.kind === "update") live.status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
      } else {
        live.operate({ phase: "rollback", reason });
        live.status(live.operation.kind === "create" ? "ROLLBACK_IN_PROGRESS" : "UPDATE_ROLLBACK_IN_PROGRESS", reason);
      }
    }
    if (live.operation.phase === "rollback") {
      if (live.operation.kind === "create") return undoCreation(live);
      const failed = await rollBack(live, worker, clock);
      if (failed !== undefined) {
        live.save({ operation: undefined });
        return live.status("UPDATE_ROLLBACK_FAILED", failed);
      }
      live.operate({ phase: "cleanup" });
      live.status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
    }
    const { kind, reason, obsolete } = live.operation;
    const failures = await removeAll(live, worker, obsolete, "obsolete");
    // What could not be deleted is left, and said so: the stack itself is what it should be.
    for (const { record, error } of failures) live.told(record, "DELETE_FAILED", reasonOf(error));
    live.save({ operation: undefined });
    live.status(
      kind === "create" ? "CREATE_COMPLETE" : reason === undefined ? "UPDATE_COMPLETE" : "UPDATE_ROLLBACK_COMPLETE",
    );
  }

  function end(live: Live, outcome: "FAILED", reason: string): void {
    const { kind } = live.operation;
    live.save({ operation: undefined });
    live.status(`${kind.toUpperCase()}_${outcome}`, reason);
  }

  async function undoCreation(live: Live): Promise<void> {
    const { onFailure, reason } = live.operation;
    const failures = await removeAll(live, worker, Object.values(live.stack.resources), "stack");
    live.save({ operation: undefined });
    if (failures.length > 0) {
      const names = failures.map(({ record }) => record.logicalId).join(", ");
      return live.status("ROLLBACK_FAILED", `The following resource(s) failed to delete: [${names}].`);
    }
    if (onFailure === "DELETE") {
      live.save({ deleted: clock() });
      return live.status("DELETE_COMPLETE", reason);
    }
    return live.status("ROLLBACK_COMPLETE", undefined);
  }

  /** Brings every resource to what the template says. Gives the reason why it did not work. */
  async function forward(live: Live): Promise<string | undefined> {
    const { stack, operation } = live;
    let ready: Ready;
    let evaluation: Evaluation;
    let wanted: readonly string[];
    try {
      const template = parseTemplate(store.text(stack.account, stack.template));
      const values = parameterValues(template, parameterTexts(template, stack.parameters), stack.resolved);
      ready = prepare(template, values);
      evaluation = createEvaluation(ready, {
        stack,
        parameters: values,
        resource: (logicalId) => live.stack.resources[logicalId],
        exported: (name) => needs.exported(stack.account, stack.region, name),
      });
      wanted = ready.order.filter((logicalId) => evaluation.has(logicalId));
    } catch (error) {
      return reasonOf(error);
    }
    const limit = stack.timeoutMinutes === undefined ? Infinity : operation.started + stack.timeoutMinutes * 60_000;
    const failures = await inTurns(wanted, ready.needs, async (logicalId) => {
      if (clock() > limit)
        throw new Error("Stack creation time exceeded the specified timeout. Rollback requested by user.");
      await settle(live, ready, evaluation, logicalId);
    });
    if (failures.some(({ error }) => error instanceof Stopping)) throw new Stopping();
    if (failures.length > 0) {
      const verb = operation.kind === "create" ? "create" : "update";
      return `The following resource(s) failed to ${verb}: [${failures.map(({ id }) => id).join(", ")}].`;
    }
    const outputs = evaluation.outputs();
    if (outputs instanceof Unresolved) return outputs.why;
    for (const { exportName } of outputs) {
      if (exportName === undefined) continue;
      const owner = ownerOf(stack, exportName);
      if (owner !== undefined) return `Export with name ${exportName} is already exported by stack ${owner}.`;
    }
    const left = Object.values(live.stack.resources).filter(({ logicalId }) => !wanted.includes(logicalId));
    const resources = Object.fromEntries(
      Object.entries(live.stack.resources).filter(([logicalId]) => wanted.includes(logicalId)),
    );
    live.operate({ obsolete: [...live.operation.obsolete, ...left] });
    live.save({ outputs, imports: [...evaluation.imports], resources });
    return undefined;
  }

  /** The other stack that exports this name. */
  function ownerOf(stack: StackRecord, name: string): string | undefined {
    const others = store
      .list(stack.account, stack.region)
      .filter((each) => each.id !== stack.id && each.deleted === undefined);
    return others.find(({ outputs }) => outputs.some(({ exportName }) => exportName === name))?.stackName;
  }

  async function settle(live: Live, ready: Ready, evaluation: Evaluation, logicalId: string): Promise<void> {
    const declared = ready.resources.get(logicalId)!;
    const { stack, operation } = live;
    const { actor } = operation;
    const value = evaluation.properties(logicalId);
    const record = live.stack.resources[logicalId];
    const policies = evaluation.policies(logicalId);
    const common = { needs: ready.needs(logicalId), ...policies, tags: stack.tags };
    const handler = handlerOf(declared.type);
    const fail = (state: ResourceRecord, error: unknown): never => {
      if (!(error instanceof Stopping)) {
        const status = state.status.replace("IN_PROGRESS", "FAILED");
        const latest = live.stack.resources[logicalId] ?? state;
        live.resource({ ...latest, status, reason: reasonOf(error), updated: clock() });
      }
      throw error;
    };

    const create = async (again: boolean, seed: string): Promise<void> => {
      const fresh: ResourceRecord = {
        ...common,
        logicalId,
        type: declared.type,
        name: again ? record!.name : generatedName(stack.stackName, logicalId, seed, handler?.name),
        status: "CREATE_IN_PROGRESS",
        updated: clock(),
        properties: value instanceof Unresolved ? {} : value,
        attributes: {},
        physicalId: again ? record?.physicalId : undefined,
      };
      live.resource(fresh);
      if (value instanceof Unresolved) fail(fresh, new Error(value.why));
      const exists = (made: { readonly physicalId: string }) =>
        live.resource({ ...fresh, reason: "Resource creation Initiated", physicalId: made.physicalId });
      const made = await worker.create(stack, actor, fresh, again, exists).catch((error) => fail(fresh, error));
      const { physicalId, attributes = {} } = made;
      live.resource({ ...fresh, physicalId, attributes, status: "CREATE_COMPLETE", updated: clock() });
    };

    if (record === undefined) return create(false, stack.id);
    const before = operation.resources?.[logicalId];
    if (record.status === "CREATE_IN_PROGRESS") return create(true, stack.id);
    if (value instanceof Unresolved) {
      return fail({ ...record, status: "UPDATE_IN_PROGRESS" }, new Error(value.why));
    }
    const had = before !== undefined && before.physicalId === record.physicalId ? before : record;
    const names = differing(had.properties, value);
    const again = record.status === "UPDATE_IN_PROGRESS";
    if (declared.type !== record.type || (handler !== undefined && replaces(handler, names))) {
      const { property } = handler?.name ?? {};
      const custom = property === undefined ? undefined : value[property];
      if (custom !== undefined && declared.type === record.type && custom === had.properties[property!]) {
        const message = `CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename ${String(custom)} and update the stack again.`;
        return fail({ ...record, status: "UPDATE_IN_PROGRESS" }, new Error(message));
      }
      live.operate({ obsolete: [...live.operation.obsolete, record] });
      return create(false, operation.id);
    }
    const retag = JSON.stringify(had.tags) !== JSON.stringify(stack.tags) && handler?.update !== undefined;
    if (names.length === 0 && !retag && !again && !/FAILED/.test(record.status)) {
      if (
        JSON.stringify(common) !==
        JSON.stringify({
          needs: record.needs,
          deletionPolicy: record.deletionPolicy,
          replacePolicy: record.replacePolicy,
          tags: record.tags,
        })
      ) {
        live.save({ resources: { ...live.stack.resources, [logicalId]: { ...record, ...common } } });
      }
      return;
    }
    const changing: ResourceRecord = {
      ...record,
      ...common,
      status: "UPDATE_IN_PROGRESS",
      reason: undefined,
      updated: clock(),
      properties: value,
    };
    live.resource(changing);
    const made = await worker.update(stack, actor, changing, had.properties).catch((error) => fail(changing, error));
    const physicalId = made.physicalId ?? record.physicalId;
    if (physicalId !== record.physicalId)
      live.operate({ obsolete: [...live.operation.obsolete, { ...record, properties: had.properties }] });
    const attributes = { ...record.attributes, ...made.attributes };
    live.resource({ ...changing, physicalId, attributes, status: "UPDATE_COMPLETE", updated: clock() });
  }

  async function finishDeletion(live: Live, worker: Worker): Promise<void> {
    const { resources } = live.stack;
    const all = [...Object.values(resources), ...live.operation.obsolete];
    const failures = await removeAll(live, worker, all, "stack");
    live.save({ operation: undefined });
    if (failures.length > 0) {
      const names = failures.map(({ record }) => record.logicalId).join(", ");
      return live.status("DELETE_FAILED", `The following resource(s) failed to delete: [${names}].`);
    }
    live.save({ deleted: clock() });
    live.status("DELETE_COMPLETE");
  }

  return {
    start(stack) {
      if (running.has(stack.id) || stopping) return;
      running.set(
        stack.id,
        run(stack).finally(() => running.delete(stack.id)),
      );
    },
    async stop() {
      stopping = true;
      await Promise.all(running.values());
    },
  };
}
