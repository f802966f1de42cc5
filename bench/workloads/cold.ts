import { join } from "node:path";
import type { Timing } from "../../src/model/index.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { program } from "../harness/processes.ts";
import { judge, measurement, type Verdict, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { createSpawner, type Spawner } from "../harness/spawner.ts";
import { percentile } from "../harness/statistics.ts";
import { findPython, fixtures, nativeBinary, nodeBinary, reasonOf } from "../peers/index.ts";
import {
  awsSdk,
  type BenchFunction,
  boto3,
  medianPhases,
  native,
  nodeHello,
  nodeSdk,
  pythonBoto3,
  pythonHello,
  pythonRuntime,
  type Server,
  startServer,
  unexplainedShare,
} from "../subject/index.ts";

/** A function and the fresh process it is compared with. */
interface Pair {
  readonly goal: number;
  readonly limit: number;
  readonly fn: BenchFunction;
  readonly baseline: { readonly name: string; readonly argv: readonly string[]; readonly until: "exit" | "byte" };
  readonly env: Readonly<Record<string, string>>;
}

interface Missing {
  readonly name: string;
  readonly reason: string;
}

/**
 * Goals 1 to 5, the plain side (no snapshot yet): from the request to the first byte of the answer of a function of which
 * no environment is alive, against a fresh process of the same binary. Every timed call reads its sandbox from inside.
 */
export async function cold(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const spawner = createSpawner();
  try {
    options.progress("preparing functions and baselines");
    const { pairs, missing } = await prepare(server, options.progress);
    const timings = new Map<string, Timing[]>(pairs.map(({ fn }) => [fn.title, []]));
    const subjects = pairs.flatMap((pair) => [thaw(server, pair, timings), baseline(spawner, pair)]);
    const rounds = options.rounds ?? (options.quick ? 5 : 30);
    const run = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });
    const verdicts = pairs.map(({ goal, limit, fn, baseline }): Verdict => {
      const names = { subject: fn.title, baseline: baseline.name };
      const verdict = judge(
        { goal, what: "cold start", limit, direction: "at most", ...names },
        run.samples,
        run.loaded,
      );
      return goal === 5 || verdict.note
        ? verdict
        : { ...verdict, note: "a plain start; the goal is one from a snapshot" };
    });
    return {
      name: "cold",
      measurements: subjects.map(({ name }) => measurement(name, "ms", run.samples.get(name)!)),
      verdicts,
      phases: [...timings].map(([name, list]) => ({ name, start: list[0]!.start, phases: medianPhases(list) })),
      missing,
      notes: [
        `p99/p50: ${pairs.map(({ fn }) => `${fn.title} ${tail(run.samples.get(fn.title)!)}`).join(", ")}`,
        `time without a phase, of a start: ${[...timings].map(([name, list]) => `${name} ${(100 * unexplainedShare(list)).toFixed(1)} %`).join(", ")} (goal: under 5 %)`,
        server.driver === "container"
          ? "Full isolation was asserted from inside the handler in every timed call."
          : `NOT ISOLATED: driver ${server.driver}.`,
        ...discards(run.discarded),
      ],
    };
  } finally {
    spawner.close();
    await server.stop();
  }
}

/** How many rounds were discarded, with one example why. */
export function discards(reasons: readonly string[]): string[] {
  return reasons.length === 0 ? [] : [`${reasons.length} rounds discarded, such as: ${reasons[0]}`];
}

function tail(samples: readonly number[]): string {
  return `${(percentile(samples, 99) / percentile(samples, 50)).toFixed(1)}×`;
}

function thaw(server: Server, { fn }: Pair, timings: ReadonlyMap<string, Timing[]>): Subject {
  return {
    name: fn.title,
    async once(round) {
      await server.chill(fn.name);
      const { firstByteMs, timing } = await server.inspect(fn.name);
      if (timing.start === "warm") throw new Error(`${fn.name}: the call after an update was not a cold start`);
      if (round >= 0) timings.get(fn.title)!.push(timing);
      return [firstByteMs];
    },
  };
}

function baseline(spawner: Spawner, { baseline, env }: Pair): Subject {
  return {
    name: baseline.name,
    async once() {
      const { ms, code } = await spawner.run(baseline.argv, baseline.until, env);
      if (code !== 0) throw new Error(`${baseline.argv.join(" ")}: exit code ${code}`);
      return [ms];
    },
  };
}

/** Creates the functions, calls each once, and finds the fresh processes to hold against them. */
async function prepare(
  server: Server,
  progress: WorkloadOptions["progress"],
): Promise<{ pairs: Pair[]; missing: Missing[] }> {
  const pairs: Pair[] = [];
  const missing: Missing[] = [{ name: "Java (goal 4)", reason: "not a runtime of this version" }];
  const attempt = async (name: string, make: () => Promise<Pair>): Promise<void> => {
    progress(name);
    try {
      pairs.push(await make());
    } catch (error) {
      missing.push({ name, reason: reasonOf(error) });
    }
  };
  const deploy = async (fn: BenchFunction): Promise<string> => {
    await server.create(fn);
    return String((await server.inspect(fn.name)).payload.version);
  };

  await attempt("Node.js hello", async () => {
    const fn = await nodeHello();
    const version = await deploy(fn);
    const argv = [await nodeBinary(version), "-e", "0"];
    return { goal: 1, limit: 0.22, fn, baseline: { name: `node -e 0 (${version})`, argv, until: "exit" }, env: {} };
  });
  await attempt("Node.js with AWS SDK", async () => {
    const fn = await nodeSdk();
    const node = await nodeBinary(await deploy(fn));
    const script = "require(process.argv[1]).handler({}).then((a) => process.stdout.write(JSON.stringify(a)))";
    const argv = [node, "-e", script, join(fixtures, "node-sdk", "index.js")];
    const env = { NODE_PATH: join(await awsSdk(), "node_modules") };
    return {
      goal: 2,
      limit: 0.05,
      fn,
      baseline: { name: "fresh node with AWS SDK to first answer", argv, until: "byte" },
      env,
    };
  });
  const python = await findPython();
  const runtime = await pythonRuntime();
  if (python && runtime) {
    await attempt("Python hello", async () => {
      const fn = await pythonHello(runtime);
      const version = await deploy(fn);
      if (version !== python.version)
        throw new Error(`the function ran on ${version}, python3 here is ${python.version}`);
      const argv = [python.binary, "-I", "-S", "-c", "0"];
      return {
        goal: 3,
        limit: 0.45,
        fn,
        baseline: { name: `python3 -I -S -c 0 (${version})`, argv, until: "exit" },
        env: {},
      };
    });
    await attempt("Python with boto3", async () => {
      const fn = await pythonBoto3(runtime);
      await deploy(fn);
      const script = "import json, handler; print(json.dumps(handler.handler({}, None)), flush=True)";
      const argv = [python.binary, "-c", script];
      const env = {
        PYTHONPATH: [join(fixtures, "python-boto3"), await boto3()].join(":"),
        PYTHONDONTWRITEBYTECODE: "1",
      };
      return {
        goal: 3,
        limit: 0.03,
        fn,
        baseline: { name: "fresh python3 with boto3 to first answer", argv, until: "byte" },
        env,
      };
    });
  } else missing.push({ name: "Python", reason: "no python3 on the PATH, or one that is no Lambda runtime" });
  for (const [language, tool] of [
    ["rust", "cargo"],
    ["go", "go"],
  ] as const) {
    if (!program(tool)) {
      missing.push({ name: language, reason: `${tool} is not installed` });
      continue;
    }
    await attempt(language, async () => {
      const fn = await native(language);
      await deploy(fn);
      const argv = [await nativeBinary(language), "exit"];
      return {
        goal: 5,
        limit: 3,
        fn,
        baseline: { name: `exec of the same ${fn.title} binary`, argv, until: "exit" },
        env: {},
      };
    });
  }
  return { pairs, missing };
}
