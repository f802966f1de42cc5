/**
 * `npm run demo [-- --json] [--quick]`: a real server, real functions through Lambda's API, each started plainly, from the
 * pool and from its image, and warm, with a table of where each millisecond went; and a Java function whose init takes five
 * seconds, answering its first call from a snapshot. Exit 0 when every function answered from a fully isolated sandbox; 1 with the reason
 * otherwise. `npm run demo -- events`: an application of many sources instead (demo-events.ts). `--quick` makes a tenth of the calls: enough to see that it works.
 */
import { parseArgs } from "node:util";
import { demoEvents, renderEvents } from "./demo-events.ts";
import { measure, measureJvm } from "./demo-measure.ts";
import { type DemoReport, type JvmCase, type Row, renderDemo } from "./demo-report.ts";
import { banner, machine, tooLoaded } from "./harness/machine.ts";
import { program } from "./harness/processes.ts";
import { styleFor } from "./harness/report.ts";
import { mission } from "./mission.ts";
import { findJdk, javaFunctions, reasonOf, repository } from "./peers/index.ts";
import {
  type BenchFunction,
  dotnetHello,
  hasJava,
  java,
  native,
  nodeHello,
  oneVcpu,
  pythonHello,
  pythonRuntime,
  rubyHello,
  runtimeOf,
  type Server,
  shell,
  startServer,
} from "./subject/index.ts";

interface Planned {
  readonly name: string;
  readonly mission: Row["mission"];
  readonly make: (server: Server) => Promise<BenchFunction>;
  /** a failure to make it is named, not fatal: its parts come from elsewhere */
  readonly optional?: boolean;
}

const { json, quick, events } = readArguments();
const calls = quick ? { cold: 2, warm: 20 } : { cold: 20, warm: 200 };
/** Maven may have to wait for its registry: a demo does not wait for Maven */
const javaWithinMs = 45000;
const started = Date.now();

function readArguments(): { json: boolean; quick: boolean; events: boolean } {
  try {
    const flag = { type: "boolean", default: false } as const;
    const { values, positionals } = parseArgs({ options: { json: flag, quick: flag }, allowPositionals: true });
    const [first, ...more] = positionals;
    if (more.length > 0 || (first !== undefined && first !== "events")) throw new Error(`${positionals}: no such demo`);
    return { ...values, events: first === "events" };
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm run demo [-- events] [--json] [--quick]`);
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
  const planned: Planned[] = [
    { name: "Node.js", mission: { cold: cold.node, warm: warm.node }, make: () => nodeHello() },
  ];
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
    make: (server) => javaFunction(server, false),
  });
  planned.push({
    name: "Ruby",
    mission: {},
    optional: true,
    make: async (server) =>
      rubyHello(await managed(server, "ruby", "no Ruby that is a Lambda runtime (apt install ruby)")),
  });
  planned.push({
    name: ".NET",
    mission: { cold: cold.dotnet },
    optional: true,
    make: async (server) => {
      const runtime = await managed(server, "dotnet", "no .NET here, and none to be had through pip");
      const mcs = program("mcs");
      if (!mcs) throw new Error("no C# compiler to make a function with (apt install mono-mcs)");
      return dotnetHello(runtime, mcs);
    },
  });
  return { planned, missing };
}

async function managed(server: Server, prefix: string, otherwise: string): Promise<string> {
  const found = await runtimeOf(server, prefix);
  if (!found) throw new Error(otherwise);
  return found;
}

async function javaFunction(server: Server, slow: boolean): Promise<BenchFunction> {
  const jdk = await findJdk();
  return java(jdk, await javaFunctions(jdk, javaWithinMs), { slow, managed: await hasJava(server, jdk) });
}

const about = machine(repository);
if (!json) console.log(`${banner(about)}\n`);
if (events) {
  try {
    const report = await demoEvents(quick ? 5 : 30, progress);
    console.log(
      json ? JSON.stringify({ machine: about, ...report }, null, 2) : renderEvents(report, styleFor(process.stdout)),
    );
    process.exit(0);
  } catch (error) {
    console.error(`demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
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
      fn = await one.make(server);
    } catch (error) {
      if (!one.optional) throw error;
      missing.push({ name: one.name, reason: reasonOf(error) });
      continue;
    }
    const measured = await measure(server, fn, calls, (text) => progress(`${one.name}: ${text}`));
    runtimes.push({ name: one.name, mission: one.mission, ...measured });
  }
  let jvm: JvmCase | undefined;
  try {
    progress("Java with an init of 5 s: without an image, then published");
    jvm = await measureJvm(server, await javaFunction(server, true), calls);
  } catch (error) {
    missing.push({ name: "Java with an init of 5 s", reason: reasonOf(error) });
  }
  const setting = { driver: server.driver, memoryMb: oneVcpu, calls, ...(busy === undefined ? {} : { busy }) };
  const report: DemoReport = { ...setting, runtimes, ...(jvm === undefined ? {} : { jvm }), missing };
  if (json) console.log(JSON.stringify({ machine: about, ...report, mission }, null, 2));
  else console.log(renderDemo(report, styleFor(process.stdout)));
} catch (error) {
  process.exitCode = 1;
  console.error(`demo failed: ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await server?.stop();
}
