import { join } from "node:path";
import { startChild } from "../harness/processes.ts";
import { judge, measurement, uncounted, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { findJdk, findPython, fixtures, javaFunctions, nodeBinary, reasonOf } from "../peers/index.ts";
import {
  awsSdk,
  type BenchFunction,
  familyOf,
  hasJava,
  imaged,
  java,
  nodeHello,
  nodeSdk,
  proportionalBytes,
  pythonHello,
  pythonRuntime,
  type Server,
  sandboxesOf,
  startServer,
} from "../subject/index.ts";

/** A function, and a process that lies idle as long as anyone wishes. */
interface Pair {
  readonly fn: BenchFunction;
  readonly limit: number;
  readonly baseline: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Goal 10: proportional set size of idle environments, agent included, next to as many bare processes that lie idle. */
export async function memory(options: WorkloadOptions): Promise<WorkloadReport> {
  const alive = options.rounds ?? (options.quick ? 4 : 20);
  const server = await startServer();
  const missing: { name: string; reason: string }[] = [];
  const samples = new Map<string, readonly number[]>();
  const verdicts = [];
  const optedIn: string[] = [];
  try {
    for (const [name, make] of Object.entries(makers(server))) {
      options.progress(name);
      try {
        const pair = await make();
        const { why: without, asked } = await imaged(server, pair.fn);
        if (asked) optedIn.push(pair.fn.title);
        const { bytes, starts } = await idleEnvironments(server, pair.fn, alive);
        samples.set(pair.fn.title, bytes);
        samples.set(pair.baseline, await idleProcesses(pair, alive));
        const goal = { goal: 10, what: "memory of an idle environment", direction: "at most", unit: "MB" } as const;
        const sides = { subject: pair.fn.title, baseline: pair.baseline, limit: pair.limit };
        const stray = starts.filter((start) => start !== "restore").length;
        const why = without ?? (stray > 0 ? `${stray} of ${starts.length} were not restored` : undefined);
        verdicts.push(uncounted(judge({ ...goal, ...sides }, samples, false), why));
      } catch (error) {
        missing.push({ name, reason: reasonOf(error) });
      }
    }
    return {
      name: "memory",
      loaded: false,
      measurements: [...samples].map(([name, values]) => measurement(name, "MB", values)),
      verdicts,
      phases: [],
      missing,
      notes: [
        `${alive} of each alive at once, after one call and a second of rest; PSS of all processes of a sandbox (smaps_rollup), in MB of 1,000,000 bytes; copies share the pages that none of them has written, so few of them look larger than many`,
        ...(optedIn.length > 0 ? [`with THAW_SNAPSHOT=on, not by default: ${optedIn.join("; ")}`] : []),
      ],
    };
  } finally {
    await server.stop();
  }
}

function makers(server: Server): Record<string, () => Promise<Pair>> {
  const deploy = async (fn: BenchFunction): Promise<string> => {
    await server.create(fn);
    return String((await server.inspect(fn.name)).payload.version);
  };
  const forever = "console.log('idle'); setInterval(() => {}, 1e9)";
  return {
    "Node.js hello": async () => {
      const fn = await nodeHello();
      const node = await nodeBinary(await deploy(fn));
      return { fn, limit: 0.35, baseline: "bare idle node", argv: [node, "-e", forever] };
    },
    "Node.js with an SDK": async () => {
      const fn = await nodeSdk();
      const node = await nodeBinary(await deploy(fn));
      const argv = [node, "-e", `require(process.argv[1]); ${forever}`, join(fixtures, "node-sdk", "index.js")];
      const env = { NODE_PATH: join(await awsSdk(), "node_modules") };
      return { fn, limit: 0.1, baseline: "idle node with the same SDK loaded", argv, env };
    },
    "Python hello": async () => {
      const [python, runtime] = [await findPython(), await pythonRuntime()];
      if (!python || !runtime) throw new Error("no python3 on the PATH, or one that is no Lambda runtime");
      const fn = await pythonHello(runtime);
      await deploy(fn);
      const argv = [python.binary, "-c", "import time; print('idle', flush=True); time.sleep(1e6)"];
      return { fn, limit: 0.4, baseline: "bare idle python3", argv };
    },
    "Java hello": async () => {
      const jdk = await findJdk();
      const functions = await javaFunctions(jdk);
      const fn = await java(jdk, functions, { managed: await hasJava(server, jdk) });
      await deploy(fn);
      return { fn, limit: 0.5, baseline: "bare idle java", argv: functions.idle };
    },
  };
}

/** Makes `count` environments live at once by calls that stay long enough; MB of each once all of them rest. */
async function idleEnvironments(server: Server, fn: BenchFunction, count: number) {
  await server.cool(fn.name);
  const hold = () => fetch(server.url(fn.name), { method: "POST", body: '{"holdMs":3000}' });
  const answers = await Promise.all(Array.from({ length: count }, hold));
  for (const answer of answers) if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  await rest();
  const { environments } = await server.call("GET", "/_thaw/environments");
  const starts = (environments as { function: string; start: string }[])
    .filter((row) => row.function === fn.name)
    .map((row) => row.start);
  const bytes = (await sandboxesOf(server, fn.name)).map(({ members }) => proportionalBytes(members) / 1e6);
  if (bytes.length < count) throw new Error(`only ${bytes.length} of ${count} environments were found`);
  await server.cool(fn.name);
  return { bytes, starts };
}

async function idleProcesses({ argv, env }: Pair, count: number): Promise<number[]> {
  const options = env === undefined ? {} : { env };
  const start = () => startChild(argv, (output) => output.includes("idle"), options);
  const children = await Promise.all(Array.from({ length: count }, start));
  try {
    await rest();
    return children.map(({ pid }) => proportionalBytes(familyOf(pid)) / 1e6);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

const rest = () => new Promise((resolve) => setTimeout(resolve, 1000));
