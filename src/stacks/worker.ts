import { setTimeout as pause } from "node:timers/promises";
import type { Mapping } from "../templates/index.ts";
import { dereferenced } from "./dynamic.ts";
import type { Actor, ResourceRecord, StackRecord } from "./records.ts";
import {
  type Answers,
  type Calls,
  type Handler,
  handlerOf,
  isMissing,
  knownTypes,
  type Made,
  ServiceFailure,
  type Work,
} from "./resources/index.ts";

/** The platform is about to stop: what was begun is gone on with by the next one. */
export class Stopping extends Error {}

export interface WorkerNeeds {
  calls(actor: Actor, region: string): Calls;
  answers(account: string, region: string): Answers;
  clock(): number;
  stopping(): boolean;
}

/** Milliseconds that a resource may take to become what was asked for. */
const patienceMs = 10 * 60 * 1000;

/** Makes, changes and deletes single resources with their handlers. Everything rejects with the reason that events give. */
export function createWorker(needs: WorkerNeeds) {
  async function until<T>(what: string, done: () => Promise<T | undefined>, ms = patienceMs): Promise<T> {
    const deadline = needs.clock() + ms;
    for (let wait = 10; ; wait = Math.min(wait * 1.5, 500)) {
      if (needs.stopping()) throw new Stopping();
      const result = await done();
      if (result !== undefined) return result;
      if (needs.clock() > deadline) throw new Error(`Exceeded attempts to wait: ${what} did not stabilize.`);
      await pause(wait);
    }
  }

  async function workOn(
    stack: StackRecord,
    actor: Actor,
    record: ResourceRecord,
    again: boolean,
    exists: (made: Made) => void,
  ) {
    const calls = needs.calls(actor, stack.region);
    const work: Work = {
      logicalId: record.logicalId,
      type: record.type,
      properties: await dereferenced(record.properties, calls),
      name: record.name,
      stack: {
        id: stack.id,
        name: stack.stackName,
        account: stack.account,
        region: stack.region,
        tags: stack.tags,
        capabilities: stack.capabilities,
      },
      calls,
      until,
      exists,
      again,
      answers: needs.answers(stack.account, stack.region),
    };
    return work;
  }

  const attempt = async <T>(doing: Promise<T>): Promise<T> => {
    try {
      return await doing;
    } catch (error) {
      if (needs.stopping()) throw new Stopping("", { cause: error });
      throw error;
    }
  };

  return {
    async create(
      stack: StackRecord,
      actor: Actor,
      record: ResourceRecord,
      again: boolean,
      exists: (made: Made) => void,
    ): Promise<Made> {
      const handler = handlerFor(record.type);
      return attempt(workOn(stack, actor, record, again, exists).then((work) => handler.create(work)));
    },

    /** `record` has the properties that it is to have. */
    async update(stack: StackRecord, actor: Actor, record: ResourceRecord, before: Mapping): Promise<Partial<Made>> {
      const handler = handlerFor(record.type);
      if (handler.update === undefined) return {};
      const { physicalId = "", attributes } = record;
      const work = await attempt(workOn(stack, actor, record, true, () => {}));
      const had = await dereferenced(before, work.calls).catch(() => before);
      return (await attempt(handler.update({ ...work, physicalId, attributes, before: had }))) ?? {};
    },

    async delete(stack: StackRecord, actor: Actor, record: ResourceRecord): Promise<void> {
      const handler = handlerFor(record.type);
      const { physicalId, attributes } = record;
      if (physicalId === undefined) return;
      const calls = needs.calls(actor, stack.region);
      // What its properties refer to may be gone; to delete it, they are seldom needed.
      const properties = await dereferenced(record.properties, calls).catch(() => record.properties);
      const work = await workOn(stack, actor, { ...record, properties: {} }, true, () => {});
      await attempt(handler.delete({ ...work, properties, physicalId, attributes })).catch((error) => {
        if (!isMissing(error)) throw error;
      });
    },
  };
}

export type Worker = ReturnType<typeof createWorker>;

function handlerFor(type: string): Handler {
  const handler = handlerOf(type);
  if (handler === undefined) throw new Error(unknownTypes([type]));
  return handler;
}

/** In CloudFormation's words, and what there is. */
export const unknownTypes = (types: readonly string[]): string =>
  `Template format error: Unrecognized resource types: [${types.join(", ")}] (there are: ${knownTypes.join(", ")})`;

/** As CloudFormation tells of a service's refusal. */
export function reasonOf(error: unknown): string {
  if (error instanceof ServiceFailure)
    return `${error.message} (Status Code: ${error.status}; Error Code: ${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
