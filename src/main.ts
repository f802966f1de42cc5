import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { type Config, ConfigError, configOf, type Options } from "./config.ts";
import {
  beginIsolation,
  createDoors,
  createEvents,
  createRunning,
  openStores,
  runtimesInUse,
  type Stores,
} from "./platform/index.ts";

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
  const reporting = {
    clock: Date.now,
    report: (error: unknown) =>
      console.error(logLine("error", error instanceof Error ? (error.stack ?? error.message) : String(error))),
    note: (line: string) => console.error(logLine("info", line)),
  };
  let port = 0;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const endpoint = () => `http://${host}:${port}`;

  // The launcher, which this turn of the event loop starts, gets ready while stores are opened.
  const beginning = beginIsolation(config, endpointSocket, reporting.note);
  beginning.catch(() => undefined);
  await new Promise((turn) => setImmediate(turn));
  let stores: Stores;
  try {
    stores = openStores(config, { ...reporting, endpoint });
  } catch (error) {
    await beginning.then(
      (begun) => begun.close(),
      () => undefined,
    );
    throw error;
  }
  const isolation = await beginning;
  const { registry, objects, images, artifacts, logs, metering, tracing } = stores;
  const running = createRunning(config, { ...reporting, stores, isolation, endpointPort: () => port });
  const { environments, invoke, isOwned } = running;
  const events = createEvents(config, { ...reporting, stores, invoke, endpoint });
  const { durable, queue, messages, sources } = events;
  const { edge, bootAhead } = createDoors(config, { ...reporting, stores, running, events, endpoint });
  await images.sweep(isOwned);
  // Nothing runs yet that could have a root of before.
  await artifacts.images.sweep(registry.liveCode());
  await artifacts.compiled.sweep(isOwned);

  const bound = await edge
    .listen({
      host: config.host,
      port: config.port,
      socketPath: endpointSocket,
      http2: config.http2,
      tls: config.tls === "own" ? { folder: join(config.dataDir, "tls"), region: config.region } : config.tls,
    })
    .catch(async (error) => {
      await events.buses.close();
      await queue.close();
      await sources.close();
      messages.close();
      durable.close();
      await isolation.close();
      metering.metrics.close();
      await tracing.close(0);
      registry.close();
      throw error;
    });
  port = bound.port;
  durable.takeUp();
  queue.takeUp();
  events.buses.start();
  messages.takeUp();
  sources.takeUp();
  for (const runtime of runtimesInUse(registry).keys()) bootAhead(runtime);
  stores.repositories.sweep();
  objects.sweep().catch(reporting.report);

  const closed = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const close = async () => {
    const until = Date.now() + config.drainMs;
    // Messages are handed back, perhaps to this very platform, before it listens no more.
    const listening = sources.drain(config.drainMs).then(() => edge.drain(Math.max(until - Date.now(), 1000)));
    await Promise.all([listening, queue.drain(config.drainMs)]);
    await events.buses.close();
    await queue.close();
    await sources.close();
    events.remote.close();
    messages.close();
    durable.close();
    await environments.close();
    await isolation.close();
    await logs.close();
    await tracing.close(2000);
    metering.metrics.close();
    objects.close();
    registry.close();
    closed.resolve();
  };
  return {
    endpoint: endpoint(),
    driver: isolation.driver.name,
    warnings: isolation.warnings,
    closed: closed.promise,
    stop() {
      stopping ??= close();
      return stopping;
    },
  };
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

/** Platform logs are JSON lines on stderr. */
function logLine(level: string, message: string): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message });
}
