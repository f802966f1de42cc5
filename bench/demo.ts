/**
 * `npm run demo [-- --json]`: a real server, real functions through Lambda's API, cold and warm, with a table of where
 * each millisecond went. Exit 0 when every function answered from a fully isolated sandbox; 1 with the reason otherwise.
 */
import { parseArgs } from "node:util";
import type { Timing } from "../src/model/index.ts";
import { banner, machine } from "./harness/machine.ts";
import { program } from "./harness/processes.ts";
import { figure, type PhaseRow, renderPhases, styleFor, table } from "./harness/report.ts";
import { type Summary, summarize } from "./harness/statistics.ts";
import { mission } from "./mission.ts";
import { repository } from "./peers/index.ts";
import {
  type BenchFunction,
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

interface Row {
  readonly name: string;
  readonly version: string;
  readonly cold: Summary;
  readonly warm: Summary;
  readonly phases: Readonly<Record<string, number>>;
  /** median share of a cold start that no phase accounts for */
  readonly unexplained: number;
  readonly mission: { readonly cold?: number | undefined; readonly warm?: number | undefined };
}

interface Planned {
  readonly name: string;
  readonly mission: Row["mission"];
  readonly make: () => Promise<BenchFunction>;
}

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const colds = 20;
const warms = 200;
const started = Date.now();

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
  return { planned, missing };
}

async function measure(server: Server, { name, make, mission }: Planned): Promise<Row> {
  progress(`${name}: preparing its code`);
  const fn = await make();
  progress(`${name}: creating function ${fn.name} (${fn.runtime}), first call`);
  await server.create(fn);
  const first = await server.inspect(fn.name);
  const cold: number[] = [];
  const timings: Timing[] = [];
  for (let n = 0; n < colds; n++) {
    await server.chill(fn.name);
    const invoked = await server.inspect(fn.name);
    if (invoked.timing.start === "warm") throw new Error(`${fn.name}: the call after an update was not a cold start`);
    cold.push(invoked.firstByteMs);
    timings.push(invoked.timing);
  }
  progress(`${name}: ${colds} cold starts, now ${warms} warm calls`);
  const warm: number[] = [];
  for (let n = 0; n < warms; n++) warm.push((await server.invoke(fn.name, { n })).firstByteMs);
  return {
    name,
    version: String(first.payload.version),
    cold: summarize(cold),
    warm: summarize(warm),
    phases: medianPhases(timings),
    unexplained: unexplainedShare(timings),
    mission,
  };
}

function print(rows: readonly Row[], driver: string, missing: readonly { name: string; reason: string }[]): void {
  const style = styleFor(process.stdout);
  const against = (ours: number, theirs: number | undefined): string[] =>
    theirs === undefined ? ["–", "–"] : [String(theirs), `${figure(ours / theirs)}×`];
  const head = ["runtime", "version", "cold p50", "p99", "mission", "ratio", "warm p50", "p99", "mission", "ratio"];
  const body = rows.map((row) => [
    row.name,
    row.version,
    ...[row.cold.p50.toFixed(1), row.cold.p99.toFixed(1), ...against(row.cold.p50, row.mission.cold)],
    ...[row.warm.p50.toFixed(2), row.warm.p99.toFixed(2), ...against(row.warm.p50, row.mission.warm)],
  ]);
  const { request, scheduling, vm, runtime, code } = mission.breakdown;
  const parts = { admit: request, place: scheduling, sandbox: vm, runtimeBoot: runtime, codeInit: code };
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const phases: PhaseRow[] = rows.map((row) => ({ name: row.name, start: "plain", phases: row.phases }));
  phases.push({ name: "mission document", start: "cold", phases: { ...parts, total } });
  const isolation =
    driver === "container"
      ? "Every cold start was checked from inside its handler: own user, mnt, pid, net, ipc and uts namespaces, seccomp filter, no new privileges, not root, read-only root."
      : `NOT ISOLATED: this machine allows the ${driver} driver only (thaw doctor says why).`;
  console.log(
    [
      `Milliseconds from the request to the answer's first byte; ${colds} cold and ${warms} warm calls each, ${oneVcpu} MB (one vCPU).`,
      table(head, body, style),
      "Where the time of a cold start went, by the request's own clock:",
      renderPhases(phases, style),
      driver === "container" ? isolation : style.bad(isolation),
      ...missing.map(({ name, reason }) => style.dim(`not shown: ${name}: ${reason}`)),
      style.dim("The mission's figures are AWS Lambda's, from its document, on other machines."),
    ].join("\n\n"),
  );
}

const { planned, missing } = await plan();
const about = machine(repository);
if (!flags.json) console.log(`${banner(about)}\n`);
let server: Server | undefined;
try {
  progress("starting the server");
  server = await startServer();
  const rows: Row[] = [];
  for (const one of planned) rows.push(await measure(server, one));
  if (flags.json) {
    const { driver } = server;
    console.log(
      JSON.stringify({ machine: about, driver, memoryMb: oneVcpu, runtimes: rows, missing, mission }, null, 2),
    );
  } else print(rows, server.driver, missing);
} catch (error) {
  process.exitCode = 1;
  console.error(`demo failed: ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await server?.stop();
}
