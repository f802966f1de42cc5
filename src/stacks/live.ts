import type { Operation, ResourceRecord, StackRecord } from "./records.ts";
import type { StackStore } from "./store.ts";

const stackType = "AWS::CloudFormation::Stack";

/** A stack that is being worked on: every change of it is kept at once, and told as an event where one is due. */
export interface Live {
  readonly stack: StackRecord;
  readonly operation: Operation;
  save(patch: Partial<StackRecord>): void;
  operate(patch: Partial<Operation>): void;
  /** the stack's own status, with its event */
  status(status: string, reason?: string): void;
  /** a resource's; with its event unless the status is the same as before */
  resource(record: ResourceRecord): void;
  forget(logicalId: string): void;
  /** an event of a resource that the stack does not have any more */
  told(record: ResourceRecord, status: string, reason?: string): void;
}

export function openLive(store: StackStore, initial: StackRecord, clock: () => number): Live {
  let stack = initial;
  const save = (patch: Partial<StackRecord>): void => {
    stack = { ...stack, ...patch };
    store.put(stack);
  };
  const token = (): string | undefined => stack.operation?.token;
  const told: Live["told"] = (record, status, reason) =>
    store.event(stack, {
      logicalId: record.logicalId,
      physicalId: record.physicalId ?? "",
      type: record.type,
      status,
      reason,
      properties: JSON.stringify(record.properties),
      token: token(),
      at: clock(),
    });
  return {
    get stack() {
      return stack;
    },
    get operation() {
      if (stack.operation === undefined) throw new Error(`stack ${stack.id} has nothing to do`);
      return stack.operation;
    },
    save,
    operate: (patch) => save({ operation: { ...stack.operation!, ...patch } }),
    status(status, reason) {
      save({ status, reason });
      const { stackName: logicalId, id: physicalId } = stack;
      store.event(stack, { logicalId, physicalId, type: stackType, status, reason, token: token(), at: clock() });
    },
    resource(record) {
      const before = stack.resources[record.logicalId];
      save({ resources: { ...stack.resources, [record.logicalId]: record } });
      if (before?.status !== record.status || before?.physicalId !== record.physicalId) {
        told(record, record.status, record.reason);
      }
    },
    forget(logicalId) {
      const { [logicalId]: _gone, ...resources } = stack.resources;
      save({ resources });
    },
    told,
  };
}
