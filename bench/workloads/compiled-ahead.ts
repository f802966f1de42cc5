import { setTimeout as wait } from "node:timers/promises";
import { percentile } from "../../src/measure/index.ts";
import type { WorkloadOptions } from "../harness/report.ts";
import { reasonOf } from "../peers/index.ts";
import { type BenchFunction, nodeSdk, pythonBoto3, pythonRuntime, type Server, startServer } from "../subject/index.ts";

const rounds = { quick: 5, full: 20 };
/** How long a platform may take to compile one function in the background, milliseconds. */
const patienceMs = 15_000;

/** What plain starts gain by code that was compiled ahead (THAW_PREPARE): a line for each function, in turns on two platforms. */
export async function compiledAhead({ quick, progress }: WorkloadOptions): Promise<string[]> {
  const python = await pythonRuntime();
  const makes = [nodeSdk, ...(python === undefined ? [] : [() => pythonBoto3(python)])];
  const off = await startServer({ THAW_SNAPSHOTS: "off", THAW_PREPARE: "off" });
  const on = await startServer({ THAW_SNAPSHOTS: "off", THAW_PREPARE: "auto" });
  const lines: string[] = [];
  try {
    for (const make of makes) {
      progress("compiled ahead");
      lines.push(await compare(await make(), { off, on }, quick ? rounds.quick : rounds.full));
    }
  } catch (error) {
    lines.push(`compiled ahead: not measured (${reasonOf(error)})`);
  } finally {
    await Promise.all([off.stop(), on.stop()]);
  }
  return lines;
}

async function compare(fn: BenchFunction, servers: { readonly off: Server; readonly on: Server }, times: number) {
  const { off, on } = servers;
  const before = await storedBytes(on);
  for (const server of [off, on]) {
    await server.create(fn);
    await server.inspect(fn.name);
  }
  for (const until = Date.now() + patienceMs; (await storedBytes(on)) === before; await wait(100)) {
    if (Date.now() > until) return `${fn.title}: nothing was compiled ahead, for nothing was left to compile`;
  }
  const samples = new Map<Server, number[]>([off, on].map((server) => [server, []]));
  for (let round = 0; round < times; round++) {
    for (const server of round % 2 === 0 ? [off, on] : [on, off]) {
      await server.cool(fn.name);
      samples.get(server)!.push((await server.inspect(fn.name)).firstByteMs);
    }
  }
  const [without, compiled] = [off, on].map((server) => percentile(samples.get(server)!, 50)) as [number, number];
  const ratio = (compiled / without).toFixed(2);
  return `${fn.title}, plain, compiled ahead: ${ratio} × of the time (p50 ${compiled.toFixed(0)} ms, without ${without.toFixed(0)} ms)`;
}

async function storedBytes(server: Server): Promise<number> {
  const { compiled } = (await server.call("GET", "/_thaw/info")) as { compiled: { storedBytes: number } };
  return compiled.storedBytes;
}
