import { join } from "node:path";
import { program } from "../harness/processes.ts";
import type { WorkloadOptions } from "../harness/report.ts";
import { createRuntimeApi } from "../harness/runtime-api.ts";
import type { Spawner } from "../harness/spawner.ts";
import { findJdk, findPython, fixtures, javaFunctions, nativeBinary, nodeBinary, reasonOf } from "../peers/index.ts";
import {
  awsSdk,
  type BenchFunction,
  boto3,
  hasJava,
  java,
  native,
  nodeHeavy,
  nodeHello,
  nodeSdk,
  pythonBoto3,
  pythonHello,
  pythonRuntime,
  type Server,
} from "../subject/index.ts";

/** A fresh process, timed once in ms. */
export interface Fresh {
  readonly name: string;
  run(): Promise<number>;
}

/** A function and the fresh process it is compared with. */
export interface Pair {
  readonly goal: number;
  readonly limit: number;
  /** the most that its p99 may be of its p50, where a goal says so */
  readonly tail?: number;
  readonly fn: BenchFunction;
  readonly baseline: Fresh;
  /** shown beside, never judged */
  readonly floor?: Fresh;
  /** one of so many rounds includes it; 1 unless a round takes seconds */
  readonly every: number;
}

export interface Missing {
  readonly name: string;
  readonly reason: string;
}

export interface Prepared {
  readonly pairs: readonly Pair[];
  readonly missing: readonly Missing[];
  close(): void;
}

/**
 * Creates the functions of goals 1 to 5, calls each once, waits until it is `ready`, and finds the fresh processes to hold
 * against them.
 */
export async function prepare(
  server: Server,
  spawner: Spawner,
  progress: WorkloadOptions["progress"],
  ready: (fn: BenchFunction) => Promise<void>,
): Promise<Prepared> {
  const pairs: Pair[] = [];
  const missing: Missing[] = [];
  const closing: (() => void)[] = [];
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
    const { version } = (await server.inspect(fn.name)).payload;
    await ready(fn);
    return String(version);
  };
  const fresh = (
    name: string,
    argv: readonly string[],
    until: "exit" | "byte",
    env: Readonly<Record<string, string>> = {},
  ): Fresh => ({
    name,
    async run() {
      const { ms, code } = await spawner.run(argv, until, env);
      if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}`);
      return ms;
    },
  });

  for (const release of [22, 24, 26] as const) {
    await attempt(`Node.js ${release} hello`, async () => {
      const fn = await nodeHello(release);
      const version = await deploy(fn);
      const argv = [await nodeBinary(version), "-e", "0"];
      const baseline = fresh(`node -e 0 (${version})`, argv, "exit");
      return { goal: 1, limit: 0.22, tail: 2, fn, baseline, every: 1 };
    });
  }
  for (const [what, fixture, make] of [
    ["AWS SDK and zod", "node-sdk", nodeSdk],
    ["a heap of 100 MB", "node-heavy", nodeHeavy],
  ] as const) {
    await attempt(`Node.js with ${what}`, async () => {
      const fn = await make();
      const node = await nodeBinary(await deploy(fn));
      const script = "require(process.argv[1]).handler({}).then((a) => process.stdout.write(JSON.stringify(a)))";
      const argv = [node, "-e", script, join(fixtures, fixture, "index.js")];
      const env = { NODE_PATH: join(await awsSdk(), "node_modules") };
      const baseline = fresh(`fresh node with ${what} to first answer`, argv, "byte", env);
      return { goal: 2, limit: 0.05, fn, baseline, every: 1 };
    });
  }

  const python = await findPython();
  const runtime = await pythonRuntime();
  if (python && runtime) {
    await attempt("Python hello", async () => {
      const fn = await pythonHello(runtime);
      const version = await deploy(fn);
      if (version !== python.version)
        throw new Error(`the function ran on ${version}, python3 here is ${python.version}`);
      const argv = [python.binary, "-I", "-S", "-c", "0"];
      return { goal: 3, limit: 0.45, fn, baseline: fresh(`python3 -I -S -c 0 (${version})`, argv, "exit"), every: 1 };
    });
    await attempt("Python with boto3", async () => {
      const fn = await pythonBoto3(runtime);
      await deploy(fn);
      const script = "import json, handler; print(json.dumps(handler.handler({}, None)), flush=True)";
      const env = {
        PYTHONPATH: [join(fixtures, "python-boto3"), await boto3()].join(":"),
        PYTHONDONTWRITEBYTECODE: "1",
      };
      // without site, as the function's own interpreter starts: the harder of the two to compare with
      const baseline = fresh(
        "fresh python3 -S with boto3 to first answer",
        [python.binary, "-S", "-c", script],
        "byte",
        env,
      );
      return { goal: 3, limit: 0.03, fn, baseline, every: 1 };
    });
  } else missing.push({ name: "Python", reason: "no python3 on the PATH, or one that is no Lambda runtime" });

  for (const slow of [false, true]) {
    await attempt(slow ? "Java with an init of 5 s" : "Java hello", async () => {
      const jdk = await findJdk();
      const functions = await javaFunctions(jdk);
      const fn = await java(jdk, functions, { slow, managed: await hasJava(server, jdk) });
      const version = await deploy(fn);
      if (version !== jdk.version) throw new Error(`the function ran on ${version}, the JDK here is ${jdk.version}`);
      const api = await createRuntimeApi();
      closing.push(api.close);
      const what = slow ? "an init of 5 s" : "the same client";
      const argv = [...functions.client, fn.handler];
      const env = { AWS_LAMBDA_RUNTIME_API: api.address, _HANDLER: fn.handler };
      const baseline: Fresh = {
        name: `fresh java ${version} with ${what} to first answer`,
        async run() {
          const answer = api.answer("{}", '{"exit":true}');
          const [{ started, code }, { at, body }] = await Promise.all([spawner.run(argv, "exit", env), answer]);
          if (code !== 0 || body !== "{}") throw new Error(`${argv.join(" ")}: exit code ${code}, answer ${body}`);
          return at - started;
        },
      };
      if (slow) return { goal: 4, limit: 0.005, fn, baseline, every: 5 };
      const floor = fresh(
        `fresh java ${version}, handler called by main, no client`,
        [...functions.bare, fn.handler],
        "byte",
      );
      return { goal: 4, limit: 0.06, fn, baseline, floor, every: 1 };
    });
  }

  for (const [language, tool] of [
    ["rust", "cargo"],
    ["go", "go"],
  ] as const) {
    await attempt(language, async () => {
      if (!program(tool)) throw new Error(`${tool} is not installed`);
      const fn = await native(language);
      await deploy(fn);
      const argv = [await nativeBinary(language), "exit"];
      return { goal: 5, limit: 3, fn, baseline: fresh(`exec of the same ${fn.title} binary`, argv, "exit"), every: 1 };
    });
  }
  return {
    pairs,
    missing,
    close() {
      for (const close of closing) close();
    },
  };
}
