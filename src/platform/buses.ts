import { join } from "node:path";
import { type Buses, type BusesNeeds, createBuses, type FunctionName } from "../buses/index.ts";
import type { Config } from "../config.ts";
import { isUniversal } from "../destinations/index.ts";
import { createRoleJudge } from "../edge/index.ts";
import { ServiceError } from "../model/index.ts";
import type { EventQueue } from "../queue/index.ts";
import type { Registry } from "../registry/index.ts";

export interface OwnBusesNeeds {
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
  readonly registry: Registry;
  readonly queue: Pick<EventQueue, "post">;
  readonly maySend: BusesNeeds["maySend"];
}

/** EventBridge's buses and the Scheduler's schedules, over the queue of events. */
export function createOwnBuses(config: Config, { registry, queue, ...needs }: OwnBusesNeeds): Buses {
  const exists = ({ account, region, name, qualifier }: FunctionName): boolean => {
    try {
      registry.resolve(account, region, name, qualifier);
      return true;
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ResourceNotFoundException") return false;
      throw error;
    }
  };
  return createBuses({
    ...needs,
    path: join(config.dataDir, "schedules.sqlite"),
    archivesPath: join(config.dataDir, "archives.sqlite"),
    named: registry.named,
    post: queue.post,
    exists,
    mayRun(fn, { service, sourceArn, account }) {
      if (!exists(fn)) return "gone";
      const call = { service, sourceArn, sourceAccount: account };
      return registry.functionPolicies.isAllowed(fn, fn.name, fn.qualifier, call) ? "yes" : "no";
    },
    roleAllows: config.auth === "iam" ? createRoleJudge(registry) : () => true,
    callable: isUniversal,
  });
}
