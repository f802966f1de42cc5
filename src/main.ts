import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism, constants, setPriority } from "node:os";
import { join } from "node:path";
import { checkCompiledName, compiledLimits, createArtifacts, RuntimeUnavailable } from "./artifacts/index.ts";
import { cpusOf, createAdmission, createKeepAlive, createLingering, patienceMs, smoothed } from "./capacity/index.ts";
import { type Config, ConfigError, configOf, type Options } from "./config.ts";
import { createDestinations } from "./destinations/index.ts";
import { createDurable } from "./durable/index.ts";
import {
  createAccountCredentials,
  createAdmin,
  createAuth,
  createEdge,
  createFunctionCredentials,
  operatorKey,
  recursiveInvocation,
  traced,
} from "./edge/index.ts";
import { createEnvironments, isBare } from "./environments/index.ts";
import { createImages, machineIdentity } from "./images/index.ts";
import { createInvoke } from "./invoke/index.ts";
import { builtAgent, createIsolation, SandboxError } from "./isolation/index.ts";
import {
  checkFunctionKey,
  createFunctionSecrets,
  createSealer,
  type Keys,
  MasterKeyError,
  openKeys,
  openMasterKey,
} from "./keys/index.ts";
import { type FunctionVersion, type Invocation, ServiceError } from "./model/index.ts";
import { createObjects } from "./objects/index.ts";
import { createLogStore, createStatistics, openInvocationLog } from "./observe/index.ts";
import { createQueue } from "./queue/index.ts";
import { createRegistry, createSyncer } from "./registry/index.ts";

export type { Options } from "./config.ts";

/** The running platform. */
export interface Platform {
  readonly endpoint: string;
  readonly driver: string;
  /** what the operator should know: weaker isolation, missing features */
  readonly warnings: readonly string[];
  /** settles when everything is stopped */
  readonly closed: Promise<void>;
  /** Lets running invocations finish (for at most Config.drainMs), then stops everything. */
  stop(): Promise<void>;
}

/** Builds the rooms bottom-up, listens, and gives them back top-down on stop(). Throws ConfigError, or what listening threw. */
export async function start(options: Options = {}): Promise<Platform> {
  const config = configOf(options);
  mkdirSync(config.runDir, { recursive: true, mode: 0o711 });
  const endpointSocket = join(config.runDir, "endpoint.sock");
  await refuseSecondPlatform(config, endpointSocket);

  favourPlatform();
  const clock = Date.now;
  const report = (error: unknown) =>
    console.error(logLine("error", error instanceof Error ? (error.stack ?? error.message) : String(error)));
  const note = (line: string) => console.error(logLine("info", line));

  const logs = createLogStore({ dir: join(config.dataDir, "logs"), clock, warn: note });
  const statistics = createStatistics({ clock });
  const sealer = createSealer(unlocked(() => openMasterKey({ dataDir: config.dataDir, file: config.masterKeyFile })));
  let keys: Keys | undefined;
  const registry = createRegistry({
    path: join(config.dataDir, "registry.sqlite"),
    secrets: (named) => {
      const opened = unlocked(() => openKeys({ named, sealer, clock }));
      keys = opened;
      return createFunctionSecrets({ sealer, keys: opened });
    },
    egressDefault: config.egress === "all",
  });
  const { auth, credentials, ofAccount } = authOf(config, { registry, sealer });
  const objects = createObjects({ directory: join(config.dataDir, "objects"), syncer: createSyncer, clock });
  const artifacts = createArtifacts({
    dataDir: config.dataDir,
    runtimesDir: config.runtimesDir,
    path: config.path,
    registries: config.registries,
    imageFolders: config.imageFolders,
    log: note,
  });
  const machine = machineIdentity(builtAgent);
  const images = createImages({
    directory: join(config.dataDir, "images"),
    machine,
    budgetBytes: config.imageBudgetBytes,
  });
  const isolation = await createIsolation({
    driver: config.driver,
    runDir: config.runDir,
    rootfs: config.rootfs,
    endpointSocket,
    criu: config.criu.used ? { places: config.criu.places, cache: join(config.dataDir, "criu.json") } : undefined,
    log: note,
  });
  const isOwned = createOwned(registry, clock);
  const admission = createAdmission({
    unreserved: (account, region) => registry.functions.unreserved({ account, region }),
  });

  let port = 0;
  const cpus = availableParallelism();
  const environments = createEnvironments({
    driver: isolation.driver,
    openLog: (target, stream, initializationType) =>
      openInvocationLog({ target, stream, initializationType, append: logs.append, clock }),
    unpacked: artifacts.unpacked,
    layers: artifacts.layers,
    runtime: artifacts.runtime,
    container: artifacts.images.get,
    cpusOf,
    emptyDirectory: emptyDirectory(config),
    endpointPort: () => port,
    credentials,
    patienceMs: (view) => patienceMs({ ...view, cpus }),
    smoothed,
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
    reclaimEveryMs: 5000,
  });
  const invoke = createInvoke({
    admit: admission.admit,
    release: admission.release,
    acquire(invocation) {
      checkFunctionKey(keys, invocation.target);
      return environments.acquire(invocation);
    },
    record: (invocation, timing, errorType) =>
      statistics.record(invocation.target, invocation.requestId, timing, errorType),
    startFailed: (target, error) => startFailed(target, error, report),
  });

  const schedule = (at: number, run: () => void) => scheduled(at - clock(), run);
  const chained = (target: FunctionVersion, traceId: string | undefined) => {
    const { header, looping } = traced(traceId, randomUUID(), target);
    return { header, looping: looping && registry.recursion.get(target, target.name)?.recursiveLoop !== "Allow" };
  };
  const durable = createDurable({
    path: join(config.dataDir, "durable.sqlite"),
    clock,
    schedule,
    resolve: registry.resolve,
    invoke,
    trace(target, traceId) {
      const { header, looping } = chained(target, traceId);
      if (looping) throw recursiveInvocation();
      return header;
    },
    report,
  });
  const run = (invocation: Invocation) =>
    invocation.target.durable === undefined ? invoke(invocation) : durable.run(invocation);
  const queue = createQueue({
    path: join(config.dataDir, "queue.sqlite"),
    clock,
    schedule,
    resolve: registry.resolve,
    invoke: run,
    settings: registry.eventInvoke.get,
    deadLetterArn: (target) => {
      const { DeadLetterConfig } = registry.functions.version(target, target.name, target.version).settings;
      return (DeadLetterConfig as { TargetArn?: string } | undefined)?.TargetArn || undefined;
    },
    deliver: createDestinations({
      upstream: (account) =>
        config.upstream === undefined
          ? { url: platform.endpoint, credentials: ofAccount(account) }
          : { url: config.upstream, credentials: config.credentials },
    }),
    trace: chained,
    // One function alone gets half of them.
    places: registry.accountConcurrency,
    cpus,
    note,
    report,
  });

  /** Of a function that exists, the group it was given; a deleted one's log is still there under the usual name. */
  const logGroupOf = (name: string) => {
    const { account, region } = config;
    const group = registry.functions.find({ account, region }, name)?.latest.settings.LoggingConfig.LogGroup;
    return { account, group: group ?? `/aws/lambda/${name}` };
  };
  const admin = createAdmin({
    version: version(),
    info: async () => ({
      version: version(),
      endpoint: platform.endpoint,
      region: config.region,
      account: config.account,
      driver: isolation.driver.name,
      probes: isolation.probes,
      runtimes: await artifacts.runtimes(),
      pid: process.pid,
      dataDir: config.dataDir,
      auth: config.auth,
      snapshots: {
        policy: config.snapshots,
        ...isolation.driver.snapshots,
        trees: { usable: isolation.driver.trees.usable, reason: isolation.driver.trees.reason },
        storedBytes: images.storedBytes(),
      },
      compiled: { policy: config.prepare, storedBytes: artifacts.compiled.storedBytes() },
      events: { waiting: queue.waiting(), running: queue.running(), ...queue.counts },
      uptimeMs: Math.round(process.uptime() * 1e3),
    }),
    environments: environments.list,
    versions: environments.versions,
    statistics: statistics.summary,
    invocations: (name, limit) => statistics.recent(limit, name),
    logs: (name, since, limit) => logs.query({ ...logGroupOf(name), since, limit }),
    follow: (name, since, signal) => logs.follow({ ...logGroupOf(name), since }, signal),
  });
  const bootAhead = (runtime: string) => {
    for (const account of runtimesInUse(registry).get(runtime) ?? []) environments.bootAhead(account, runtime);
  };
  const edge = createEdge({
    registry,
    objects,
    auth,
    // A function is made ready before its first call, and so is its runtime.
    artifacts: {
      ...artifacts,
      async runtime(name) {
        const found = await artifacts.runtime(name);
        bootAhead(name);
        return found;
      },
    },
    invoke: run,
    accept: queue.accept,
    durable,
    retire(account, region, name) {
      environments.retire(account, region, name);
      if (registry.functions.find({ account, region }, name) === undefined) queue.drop({ account, region }, name);
    },
    snapshot: environments.snapshot,
    provision: environments.provision,
    provisioned: environments.provisioned,
    note,
    report,
    admin,
    keys,
    sealer,
    logs,
    upstreams: {
      byService: config.upstreams,
      // Signatures are not made anew, and AWS would refuse them as they are.
      others: config.upstream === "aws" ? undefined : config.upstream,
    },
  });
  await images.sweep(isOwned);
  // Nothing runs yet that could have a root of before.
  await artifacts.images.sweep(registry.liveCode());
  await artifacts.compiled.sweep(isOwned);

  const bound = await edge
    .listen({ host: config.host, port: config.port, socketPath: endpointSocket })
    .catch(async (error) => {
      await queue.close();
      durable.close();
      await isolation.close();
      registry.close();
      throw error;
    });
  port = bound.port;
  durable.takeUp();
  queue.takeUp();
  for (const runtime of runtimesInUse(registry).keys()) bootAhead(runtime);
  objects.sweep().catch(report);

  const closed = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const close = async () => {
    await Promise.all([edge.drain(config.drainMs), queue.drain(config.drainMs)]);
    await queue.close();
    durable.close();
    await environments.close();
    await isolation.close();
    await logs.close();
    objects.close();
    registry.close();
    closed.resolve();
  };
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const platform: Platform = {
    endpoint: `http://${host}:${port}`,
    driver: isolation.driver.name,
    warnings: isolation.warnings,
    closed: closed.promise,
    stop() {
      stopping ??= close();
      return stopping;
    },
  };
  return platform;
}

/** Checks requests, if it is to; and then the operator has a key of its own, and so has every environment. */
function authOf(
  { auth: mode, account, dataDir }: Config,
  needs: { readonly registry: ReturnType<typeof createRegistry>; readonly sealer: ReturnType<typeof createSealer> },
) {
  if (mode === "off") {
    const ofAccount = (accessKeyId: string) => ({ accessKeyId, secretAccessKey: "test" });
    return { auth: undefined, credentials: () => undefined, ofAccount };
  }
  operatorKey(needs, account, join(dataDir, "operator.json"));
  return {
    auth: createAuth({ mode, ...needs }),
    credentials: createFunctionCredentials(needs),
    ofAccount: createAccountCredentials(needs),
  };
}

/** Calls back after `ms`, or after a day, the longest that a timer of Node.js is trusted with: who was woken early looks again. */
function scheduled(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(ms, 0), 86_400_000));
  return () => clearTimeout(timer);
}

/** Every invocation passes through this one process: busy functions must not keep it from the CPU. Needs root, else nothing. */
function favourPlatform(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    // An ordinary user may not; the platform then competes as an equal.
  }
}

/** Two platforms on one data directory would run each other's functions and delete each other's files. */
async function refuseSecondPlatform(config: Config, socketPath: string): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
  if (taken)
    throw new ConfigError(`--data ${config.dataDir} is in use by another thaw; give this one another directory`);
}

/** What a sandbox has where a function's code would be. The same one each time, for images name what they were made of. */
function emptyDirectory(config: Config): string {
  const path = join(config.dataDir, "empty");
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

/** The accounts that have functions of each runtime. */
function runtimesInUse(registry: ReturnType<typeof createRegistry>): Map<string, Set<string>> {
  const accounts = new Map<string, Set<string>>();
  for (const { record, latest, versions } of registry.functions.everything()) {
    for (const { settings } of [latest, ...versions.values()]) {
      if (settings.Runtime === undefined) continue;
      const found = accounts.get(settings.Runtime) ?? new Set();
      accounts.set(settings.Runtime, found.add(record.account));
    }
  }
  return accounts;
}

/** How long a booted runtime is kept beyond the account's last function on it: who deletes one often makes it anew. */
const runtimeLingersMs = 60 * 60 * 1000;

/**
 * Tells whether an image's owner is still there: the version that it is of, or for a runtime without a function, any
 * function of its account that uses it, or has used it of late.
 */
function createOwned(
  registry: ReturnType<typeof createRegistry>,
  clock: () => number,
): (owner: Parameters<typeof isCurrent>[1]) => boolean {
  const lingers = createLingering({ keepMs: runtimeLingersMs, clock });
  return (owner) => {
    if (!isBare(owner)) return isCurrent(registry, owner);
    const used = runtimesInUse(registry).get(owner.name)?.has(owner.account) === true;
    return lingers(`${owner.account} ${owner.name}`, used);
  };
}

/** Is this still the code and configuration of its version? */
function isCurrent(
  registry: ReturnType<typeof createRegistry>,
  target: Pick<FunctionVersion, "account" | "region" | "name" | "version" | "key">,
): boolean {
  try {
    return registry.resolve(target.account, target.region, target.name, target.version).key === target.key;
  } catch {
    return false;
  }
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

/** Opens what needs the master key. Throws ConfigError. */
function unlocked<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw error instanceof MasterKeyError ? new ConfigError(`THAW_MASTER_KEY_FILE: ${error.message}`) : error;
  }
}

/** Platform logs are JSON lines on stderr. */
function logLine(level: string, message: string): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message });
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, "../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
