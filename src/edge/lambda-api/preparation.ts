import { ImageRefused, RuntimeUnavailable } from "../../artifacts/index.ts";
import { type FunctionVersion, ServiceError } from "../../model/index.ts";
import type { Settlement, VersionRecord } from "../../registry/index.ts";
import { imageFailure } from "./images.ts";
import { environmentsThere } from "./managed-start.ts";
import type { LambdaApiNeeds } from "./needs.ts";
import { isOwnFailure, snapshotOf } from "./snapshots.ts";

/**
 * Gets a version's code, layers and runtime ready in the background, makes its snapshot if it has SnapStart, waits for its
 * environments if it has any before it is called (on a capacity provider), and ends its
 * Pending or InProgress with the result.
 */
export interface Preparation {
  /** Begins; the registry learns the result. */
  start(target: FunctionVersion): void;
  /**
   * For the invocation of a version that is not ready: resolves when it is, rejects with ResourceConflictException when it
   * cannot be, and at once with SnapStartNotReadyException while its snapshot is made. Undefined, and nothing looked up,
   * when every version is ready.
   */
  wait(target: FunctionVersion): Promise<void> | undefined;
  /** A version nobody can invoke any more. */
  forget(target: FunctionVersion): void;
  /** Takes up what a stop of the server interrupted, and tries again what failed: the host may have a runtime now. */
  resume(): void;
  /** The server stops: what is still in the making stays as it is, for the next start to take up. */
  pause(): void;
}

type Needs = Pick<LambdaApiNeeds, "registry" | "artifacts" | "snapshot" | "provisioned" | "note" | "report">;

interface Unready {
  readonly work: Promise<Settlement>;
  settled: boolean;
}

export function createPreparation(needs: Needs): Preparation {
  const { registry, artifacts } = needs;
  // A snapshot that a stopping server breaks off is nobody's failure.
  const report = (error: unknown) => {
    if (!paused) needs.report(error);
  };
  const note = (line: string) => {
    if (!paused) needs.note?.(line);
  };
  /** versions in the making, and those that failed */
  const unready = new Map<string, Unready>();
  let paused = false;
  // The pool's key also says how the network is; preparation does not depend on it.
  const keyOf = (target: FunctionVersion) => target.key.split("+")[0] ?? target.key;

  async function prepare(target: FunctionVersion): Promise<Settlement> {
    try {
      if (target.image !== undefined) await artifacts.images.get(target.code);
      else
        await Promise.all([
          artifacts.unpacked(target.code),
          artifacts.layers(target.layers),
          artifacts.runtime(target.runtime),
        ]);
    } catch (error) {
      return { ready: false, ...reasonOf(error) };
    }
    if (target.managed !== undefined && target.version !== "$LATEST") {
      return environmentsThere({ registry, provisioned: needs.provisioned, over: () => paused }, target);
    }
    return target.snapStart ? snapshotOf({ snapshot: needs.snapshot, note, report }, target) : { ready: true };
  }

  function reasonOf(error: unknown): { reason: string; code: string } {
    if (error instanceof RuntimeUnavailable) {
      return { reason: `Runtime ${error.runtime} is not available here: ${error.message}`, code: "InvalidRuntime" };
    }
    if (error instanceof ImageRefused) return imageFailure(error);
    if (error instanceof ServiceError) return { reason: error.message, code: "InvalidZipFileException" };
    report(error);
    return { reason: "The function could not be prepared. The server's log says why.", code: "InternalError" };
  }

  function start(target: FunctionVersion): void {
    const key = keyOf(target);
    const entry: Unready = { work: prepare(target), settled: false };
    unready.set(key, entry);
    entry.work
      .then((settlement) => {
        if (paused) return;
        registry.functions.settle(target, target.name, target.version, key, settlement);
        entry.settled = true;
        if (settlement.ready && unready.get(key) === entry) unready.delete(key);
      })
      .catch(report);
  }

  async function ready({ work, settled }: Unready, target: FunctionVersion): Promise<void> {
    if (!settled && target.snapStart) throw notReady();
    const settlement = await work;
    if (settlement.ready) return;
    throw new ServiceError(
      "ResourceConflictException",
      `The operation cannot be performed at this time. The function is currently in the following state: Failed. ${settlement.reason}`,
    );
  }

  /** Takes up one version after the server was away. True: it is ready, and has a snapshot to be made again. */
  function takeUp(target: FunctionVersion, version: VersionRecord): boolean {
    if (version.state === "Active" && version.lastUpdateStatus === "Successful") return target.snapStart;
    if (version.state === "Failed" && isOwnFailure(version.stateReasonCode)) {
      const { stateReason: reason = "", stateReasonCode: code = "" } = version;
      unready.set(keyOf(target), { work: Promise.resolve({ ready: false, reason, code }), settled: true });
    } else {
      start(target);
    }
    return false;
  }

  /** Images do not outlive the machine's boot; one after the other, for each of them runs an init. */
  async function remakeSnapshots(targets: readonly FunctionVersion[]): Promise<void> {
    for (const target of targets) {
      const key = keyOf(target);
      const version = registry.functions.find(target, target.name)?.versions.get(target.version);
      if (version?.key !== key) continue; // deleted meanwhile
      const made = await snapshotOf({ snapshot: needs.snapshot, note, report }, target);
      if (paused) return;
      if (!made.ready) note(`${target.arn} is started without a snapshot: ${made.reason}`);
      const settlement = made.ready ? made : { ready: true as const };
      if ((settlement.optimized === true) === (version.optimized === true)) continue;
      registry.functions.settle(target, target.name, target.version, key, settlement);
    }
  }

  return {
    start,
    wait(target) {
      if (unready.size === 0) return undefined;
      const entry = unready.get(keyOf(target));
      return entry === undefined ? undefined : ready(entry, target);
    },
    forget(target) {
      unready.delete(keyOf(target));
    },
    resume() {
      const restored: FunctionVersion[] = [];
      for (const { record, latest, versions } of registry.functions.everything()) {
        for (const version of [latest, ...versions.values()]) {
          const target = registry.resolve(record.account, record.region, record.name, version.version);
          if (takeUp(target, version)) restored.push(target);
        }
      }
      if (needs.snapshot !== undefined) remakeSnapshots(restored).catch(report);
    },
    pause() {
      paused = true;
    },
  };
}

/** In AWS's words ("Troubleshooting SnapStart errors for Lambda functions"). */
function notReady(): ServiceError {
  return new ServiceError(
    "SnapStartNotReadyException",
    "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
  );
}
