import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { createAdmin, createEdge } from "../edge/index.ts";
import { prometheusText } from "../observe/index.ts";
import type { Events } from "./events.ts";
import { runtimesInUse } from "./owned.ts";
import type { Running } from "./running.ts";
import type { Reporting, Stores } from "./stores.ts";

export interface DoorsNeeds extends Reporting {
  readonly stores: Stores;
  readonly running: Running;
  readonly events: Events;
  /** where the platform listens */
  endpoint(): string;
}

/** Everything that is asked over HTTP. `bootAhead` makes a runtime ready for every account that has functions of it. */
export function createDoors(config: Config, needs: DoorsNeeds) {
  const { report, note } = needs;
  const { registry, objects, artifacts, images, logs, statistics, metering, keys, sealer, auth, repositories } =
    needs.stores;
  const { isolation, environments } = needs.running;
  const { sources, durable, queue, messages, remote, run } = needs.events;

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
      endpoint: needs.endpoint(),
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
      sources: sources.list(),
      uptimeMs: Math.round(process.uptime() * 1e3),
    }),
    moment: (since) => ({
      at: Date.now(),
      totals: statistics.totals(),
      starts: statistics.recentStarts(500).filter(({ at }) => at >= since),
      invocations: statistics.recent(200).filter(({ at }) => at >= since),
      environments: environments.list(),
      events: { waiting: queue.waiting(), running: queue.running(), ...queue.counts },
    }),
    queues: queue.depths,
    environments: environments.list,
    versions: environments.versions,
    metrics() {
      metering.metrics.flush();
      return prometheusText({
        version: version(),
        functions: metering.functions.totals.list,
        environments: environments.list,
        queue: () => ({ waiting: queue.waiting(), running: queue.running(), counts: { ...queue.counts } }),
        sources: sources.list,
      });
    },
    statistics: statistics.summary,
    invocations: (name, limit) => statistics.recent(limit, name),
    logs: (name, since, limit) => logs.query({ ...logGroupOf(name), since, limit }),
    follow: (name, since, signal) => logs.follow({ ...logGroupOf(name), since }, signal),
  });
  const { buses } = needs.events;
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
    mappingChanged: (mapping) =>
      sources.changed(mapping, registry.mappings.get(mapping.account, mapping.name) !== undefined),
    mappingStatus: sources.status,
    checkSource: sources.check,
    post: queue.post,
    maySend: needs.events.maySend,
    buses,
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
    messages,
    repositories,
    remote,
    endpoint: needs.endpoint,
    logs,
    metrics: metering.metrics,
    urlAnswered: metering.urlAnswered,
    traces: needs.stores.tracing.traces,
    upstreams: {
      byService: config.upstreams,
      // Signatures are not made anew, and AWS would refuse them as they are.
      others: config.upstream === "aws" ? undefined : config.upstream,
    },
  });
  return { edge, bootAhead };
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
