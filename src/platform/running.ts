import { join } from "node:path";
import { checkCompiledName, compiledLimits, RuntimeUnavailable } from "../artifacts/index.ts";
import { cpusOf, createAdmission, createKeepAlive } from "../capacity/index.ts";
import type { Config } from "../config.ts";
import { createEnvironments } from "../environments/index.ts";
import { createInvoke } from "../invoke/index.ts";
import { createIsolation, type Isolation, SandboxError } from "../isolation/index.ts";
import { checkFunctionKey } from "../keys/index.ts";
import { type FunctionVersion, ServiceError } from "../model/index.ts";
import { openInvocationLog } from "../observe/index.ts";
import { createOwned } from "./owned.ts";
import type { Reporting, Stores } from "./stores.ts";

export interface RunningNeeds extends Reporting {
  readonly stores: Stores;
  readonly isolation: Isolation;
  endpointPort(): number;
}

export type Running = ReturnType<typeof createRunning>;

/**
 * Sandboxes, which need nothing of what is kept. Rejects with SandboxError.
 * @param endpointSocket the platform's own endpoint as seen from them
 */
export function beginIsolation(config: Config, endpointSocket: string, note: Reporting["note"]): Promise<Isolation> {
  return createIsolation({
    driver: config.driver,
    runDir: config.runDir,
    rootfs: config.rootfs,
    endpointSocket,
    criu: config.criu.used ? { places: config.criu.places, cache: join(config.dataDir, "criu.json") } : undefined,
    log: note,
  });
}

/** Everything that running a function once takes: sandboxes, environments, admission. */
export function createRunning(config: Config, needs: RunningNeeds) {
  const { stores, isolation, endpointPort, clock, report, note } = needs;
  const { registry, logs, statistics, metering, artifacts, images, machine, credentials } = stores;
  const isOwned = createOwned(registry, clock);
  const admission = createAdmission({
    unreserved: (account, region) => registry.functions.unreserved({ account, region }),
  });

  const environments = createEnvironments({
    driver: isolation.driver,
    openLog: (target, stream, initializationType) =>
      openInvocationLog({
        target,
        stream,
        initializationType,
        append(account, group, name, at, message) {
          logs.append(account, group, name, at, message);
          metering.embedded(target, message);
        },
        clock,
      }),
    datagram: stores.tracing.datagram,
    extensionsTook(target, afterMs) {
      metering.functions.count(target, "PostRuntimeExtensionsDuration", afterMs, { unit: "Milliseconds" });
    },
    unpacked: artifacts.unpacked,
    layers: artifacts.layers,
    runtime: artifacts.runtime,
    container: artifacts.images.get,
    cpusOf,
    emptyDirectory: stores.emptyDirectory,
    endpointPort,
    credentials,
    isCurrent: isOwned,
    keepAlive: createKeepAlive({
      keepAliveMs: config.keepAliveMs,
      shortestMs: Math.min(10_000, config.keepAliveMs),
    }),
    memoryBudgetBytes: config.memoryBudgetBytes,
    images,
    snapshots: config.snapshots,
    machine,
    renewImagesAfterMs: config.renewImagesAfterMs,
    compiled: { ...artifacts.compiled, checkName: checkCompiledName, limits: compiledLimits },
    prepares: config.prepare !== "off",
    note,
    freezeAfterMs: config.freezeAfterMs,
    // Developer Guide, "Tenant isolation": 2,500 environments for each 1,000 concurrent executions.
    mostForTenants: Math.floor(registry.accountConcurrency * 2.5),
    reclaimEveryMs: 5000,
  });
  const invoke = createInvoke({
    admit(target) {
      const reason = admission.admit(target);
      if (reason === undefined) metering.functions.begun(target);
      return reason;
    },
    release(target) {
      metering.functions.ended(target);
      admission.release(target);
    },
    throttled: metering.functions.throttled,
    acquire(invocation) {
      checkFunctionKey(stores.keys, invocation.target);
      return environments.acquire(invocation);
    },
    record(invocation, timing, errorType) {
      statistics.record(invocation.target, invocation.requestId, timing, errorType);
      metering.functions.record(invocation, timing, errorType);
    },
    startFailed: (target, error) => startFailed(target, error, report),
  });

  return { isolation, environments, invoke: stores.tracing.traced(invoke), isOwned };
}

/** Why a function could not be started, in the caller's terms; what is our own fault is reported to the operator too. */
function startFailed(target: FunctionVersion, error: unknown, report: (error: unknown) => void): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof RuntimeUnavailable) {
    return new ServiceError("InvalidRuntimeException", error.message, {}, { cause: error });
  }
  report(error);
  const why = error instanceof SandboxError ? error.message : "see the platform's log";
  return new ServiceError(
    "ServiceException",
    `No execution environment could be made for ${target.arn}: ${why}`,
    {},
    { cause: error as Error },
  );
}
