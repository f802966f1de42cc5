import { generatorName, throughput as measure } from "../harness/closed-loop.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { discards, judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { nodeHello, type Server, startServer } from "../subject/index.ts";

const connections = 32;
/** load before every measurement that does not count, seconds: environments are frozen while others have their turn */
const warmUp = 1;

const usual = "as it is: metrics, log lines";
const unmetered = "without metrics";
const silent = "without metrics and log lines";
const traced = "as it is, each call traced";

interface Setting {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** merged into CreateFunction's request */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A function that logs nothing by itself writes START, END and REPORT, which this leaves out. */
const noLines = { LogFormat: "JSON", SystemLogLevel: "WARN", ApplicationLogLevel: "WARN" };

const settings: readonly Setting[] = [
  { name: usual, env: {} },
  { name: unmetered, env: { THAW_METRICS: "off" } },
  { name: silent, env: { THAW_METRICS: "off" }, more: { LoggingConfig: noLines } },
];

/**
 * What recording costs: warm invocations a second with metrics, and without, of servers that differ in nothing else and take turns.
 * Beside that what log lines cost, and (a platform that is sent `Sampled=1` with each call) traces.
 */
export async function overhead(options: WorkloadOptions): Promise<WorkloadReport> {
  const servers: { readonly setting: Setting; readonly server: Server; readonly url: URL }[] = [];
  try {
    const fn = await nodeHello();
    for (const setting of settings) {
      options.progress(`starting a server ${setting.name}`);
      const server = await startServer(setting.env);
      servers.push({ setting, server, url: server.url(fn.name) });
      await server.create(fn, undefined, setting.more);
      await server.inspect(fn.name);
    }
    const seconds = options.quick ? 2 : 5;
    const rateOf = async (url: URL, headers: Readonly<Record<string, string>> = {}) => {
      await measure(url, connections, warmUp, headers);
      return [await measure(url, connections, seconds, headers)];
    };
    const subjects: Subject[] = servers.map(({ setting, url }) => ({ name: setting.name, once: () => rateOf(url) }));
    const trace = () => ({ "x-amzn-trace-id": `Root=1-${"5".repeat(8)}-${"a".repeat(24)};Sampled=1` });
    subjects.push({ name: traced, once: () => rateOf(servers[0]!.url, trace()) });
    const rounds = options.rounds ?? (options.quick ? 2 : 10);
    const run = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });
    const goal = { goal: 20, unit: "requests/s", direction: "at least" } as const;
    return {
      name: "overhead",
      loaded: run.loaded,
      measurements: subjects.map(({ name }) => measurement(name, "requests/s", run.samples.get(name)!)),
      verdicts: [
        judge(
          { ...goal, what: "recording's cost", subject: usual, baseline: unmetered, limit: 0.97 },
          run.samples,
          run.loaded,
        ),
      ],
      phases: [],
      missing: [],
      notes: [
        `${connections} connections, ${seconds} s a round after ${warmUp} s that do not count, generator ${generatorName}, on the same cores as the servers`,
        "all servers are there all the time; those that have no turn lie idle",
        ...discards(run.discarded),
      ],
    };
  } finally {
    for (const { server } of servers) await server.stop();
  }
}
