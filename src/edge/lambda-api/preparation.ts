import { RuntimeUnavailable } from "../../artifacts/index.ts";
import { type FunctionVersion, ServiceError } from "../../model/index.ts";
import type { Settlement } from "../../registry/index.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/**
 * Gets a version's code, layers and runtime ready in the background, and ends its Pending or InProgress with the result.
 */
export interface Preparation {
  /** Begins; the registry learns the result. */
  start(target: FunctionVersion): void;
  /**
   * For the invocation of a version that is not ready: resolves when it is, rejects with ResourceConflictException when it
   * cannot be. Undefined, and nothing looked up, when every version is ready.
   */
  wait(target: FunctionVersion): Promise<void> | undefined;
  /** A version nobody can invoke any more. */
  forget(target: FunctionVersion): void;
  /** Takes up what a stop of the server interrupted, and tries again what failed: the host may have a runtime now. */
  resume(): void;
}

type Needs = Pick<LambdaApiNeeds, "registry" | "artifacts" | "report">;

export function createPreparation({ registry, artifacts, report }: Needs): Preparation {
  /** versions in the making, and those that failed */
  const unready = new Map<string, Promise<Settlement>>();
  // The pool's key also says how the network is; preparation does not depend on it.
  const keyOf = (target: FunctionVersion) => target.key.split("+")[0] ?? target.key;

  async function prepare(target: FunctionVersion): Promise<Settlement> {
    try {
      await Promise.all([
        artifacts.unpacked(target.code),
        artifacts.layers(target.layers),
        artifacts.runtime(target.runtime),
      ]);
      return { ready: true };
    } catch (error) {
      return { ready: false, ...reasonOf(error) };
    }
  }

  function reasonOf(error: unknown): { reason: string; code: string } {
    if (error instanceof RuntimeUnavailable) {
      return { reason: `Runtime ${error.runtime} is not available here: ${error.message}`, code: "InvalidRuntime" };
    }
    if (error instanceof ServiceError) return { reason: error.message, code: "InvalidZipFileException" };
    report(error);
    return { reason: "The function could not be prepared. The server's log says why.", code: "InternalError" };
  }

  function start(target: FunctionVersion): void {
    const key = keyOf(target);
    const work = prepare(target);
    unready.set(key, work);
    work
      .then((settlement) => {
        registry.functions.settle(target, target.name, target.version, key, settlement);
        if (settlement.ready && unready.get(key) === work) unready.delete(key);
      })
      .catch(report);
  }

  async function ready(work: Promise<Settlement>): Promise<void> {
    const settlement = await work;
    if (settlement.ready) return;
    throw new ServiceError(
      "ResourceConflictException",
      `The operation cannot be performed at this time. The function is currently in the following state: Failed. ${settlement.reason}`,
    );
  }

  return {
    start,
    wait(target) {
      if (unready.size === 0) return undefined;
      const work = unready.get(keyOf(target));
      return work === undefined ? undefined : ready(work);
    },
    forget(target) {
      unready.delete(keyOf(target));
    },
    resume() {
      for (const { record, latest, versions } of registry.functions.everything()) {
        for (const version of [latest, ...versions.values()]) {
          if (version.state === "Active" && version.lastUpdateStatus === "Successful") continue;
          start(registry.resolve(record.account, record.region, record.name, version.version));
        }
      }
    },
  };
}
