/**
 * `npm run demo [-- --json] [--quick]`: a real server, real functions through Lambda's API, cold and warm, with a table of
 * where each millisecond went. Exit 0 when every function answered from a fully isolated sandbox; 1 with the reason
 * otherwise. `--quick` makes a tenth of the calls: enough to see that it works.
 */
import { parseArgs } from "node:util";
import type { Timing } from "../src/model/index.ts";
import { type DemoReport, type Row, renderDemo } from "./demo-report.ts";
import { banner, machine, tooLoaded } from "./harness/machine.ts";
import { program } from "./harness/processes.ts";
import { styleFor } from "./harness/report.ts";
import { summarize } from "./harness/statistics.ts";
import { mission } from "./mission.ts";
import { findJdk, javaFunctions, reasonOf, repository } from "./peers/index.ts";
import {
  type BenchFunction,
  type Invoked,
  java,
  medianPhases,
  native,
  nodeHello,
  oneVcpu,
  pythonHello,
  pythonRuntime,
  type Server,
  shell,
  startServer,
  unexplainedShare,
} from "./subject/index.ts";

interface Planned {
  readonly name: string;
  readonly mission: Row["mission"];
  readonly make: () => Promise<BenchFunction>;
  /** a failure to make it is named, not fatal: its parts come from elsewhere */
  readonly optional?: boolean;
}

const { json, quick } = readArguments();
const calls = quick ? { cold: 2, warm: 20 } : { cold: 20, warm: 200 };
/** Maven may have to wait for its registry: a demo does not wait for Maven */
const javaWithinMs = 45000;
const started = Date.now();

function readArguments(): { json: boolean; quick: boolean } {
  try {
    const flag = { type: "boolean", default: false } as const;
    return parseArgs({ options: { json: flag, quick: flag } }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm run demo [-- --json] [--quick]`);
    process.exit(2);
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY)
    process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${text}\n`);
}

/** What this machine can run; what it cannot is named with the reason. */
async function plan(): Promise<{ planned: Planned[]; missing: { name: string; reason: string }[] }> {
  const { cold, warm } = mission;
  const missing: { name: string; reason: string }[] = [];
  const planned: Planned[] = [{ name: "Node.js", mission: { cold: cold.node, warm: warm.node }, make: nodeHello }];
  const python = await pythonRuntime();
  if (python)
    planned.push({
      name: "Python",
      mission: { cold: cold.python, warm: warm.python },
      make: () => pythonHello(python),
    });
  else missing.push({ name: "Python", reason: "no python3 on the PATH, or one that is no Lambda runtime" });
  if (program("go")) planned.push({ name: "Go", mission: { cold: cold.go, warm: warm.go }, make: () => native("go") });
  else if (program("cargo")) planned.push({ name: "Rust", mission: { cold: cold.rust }, make: () => native("rust") });
  else missing.push({ name: "Go or Rust", reason: "neither go nor cargo is installed" });
  planned.push({ name: "shell", mission: {}, make: shell });
  planned.push({
    name: "Java",
    mission: { cold: cold.java, warm: warm.java },
    optional: true,
    make: async () => {
      const jdk = await findJdk();
      return java(jdk, await javaFunctions(jdk, javaWithinMs));
    },
  });
  return { planned, missing };
}

async function measure(server: Server, { name, mission }: Planned, fn: BenchFunction): Promise<Row> {
  progress(`${name}: creating function ${fn.name} (${fn.runtime}), first call`);
  await server.create(fn);
  const first = await server.inspect(fn.name);
  const cold: Invoked[] = [];
  for (let n = 0; n < calls.cold; n++) {
    await server.chill(fn.name);
    const invoked = await server.inspect(fn.name);
    if (invoked.timing.start === "warm") throw new Error(`${fn.name}: the call after an update was not a cold start`);
    cold.push(invoked);
  }
  progress(`${name}: ${calls.cold} cold starts, now ${calls.warm} warm calls`);
  const warm: Invoked[] = [];
  for (let n = 0; n < calls.warm; n++) warm.push(await server.invoke(fn.name, { n }));
  const firstBytes = (invoked: readonly Invoked[]) => summarize(invoked.map(({ firstByteMs }) => firstByteMs));
  const outside = (invoked: readonly Invoked[]) =>
    summarize(invoked.map(({ firstByteMs, timing }) => firstByteMs - timing.total));
  const timings = (invoked: readonly Invoked[]): Timing[] => invoked.map(({ timing }) => timing);
  return {
    name,
    version: String(first.payload.version),
    cold: firstBytes(cold),
    warm: firstBytes(warm),
    phases: medianPhases(timings(cold)),
    warmPhases: medianPhases(timings(warm)),
    outside: { cold: outside(cold), warm: outside(warm) },
    unexplained: unexplainedShare(timings(cold)),
    mission,
  };
}

const about = machine(repository);
if (!json) console.log(`${banner(about)}\n`);
let server: Server | undefined;
try {
  const { planned, missing } = await plan();
  const busy = await tooLoaded();
  progress("starting the server");
  server = await startServer();
  const runtimes: Row[] = [];
  for (const one of planned) {
    progress(`${one.name}: preparing its code`);
    let fn: BenchFunction;
    try {
      fn = await one.make();
    } catch (error) {
      if (!one.optional) throw error;
      missing.push({ name: one.name, reason: reasonOf(error) });
      continue;
    }
    runtimes.push(await measure(server, one, fn));
  }
  const setting = { driver: server.driver, memoryMb: oneVcpu, calls, ...(busy === undefined ? {} : { busy }) };
  const report: DemoReport = { ...setting, runtimes, missing };
  if (json) console.log(JSON.stringify({ machine: about, ...report, mission }, null, 2));
  else console.log(renderDemo(report, styleFor(process.stdout)));
} catch (error) {
  process.exitCode = 1;
  console.error(`demo failed: ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await server?.stop();
}
