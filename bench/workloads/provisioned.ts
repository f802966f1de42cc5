import { setTimeout as pause } from "node:timers/promises";
import type { Timing } from "../../src/model/index.ts";
import { Connection, request } from "../harness/connection.ts";
import { tooLoaded } from "../harness/machine.ts";
import { judge, measurement, uncounted, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { reasonOf } from "../peers/index.ts";
import {
  goodAnswer,
  nodeHello,
  provision,
  publish,
  type Server,
  startServer,
  timingOf,
  unprovision,
} from "../subject/index.ts";

const first = "first call on a provisioned environment";
const later = "a warm call on the same environments";
const count = 10;

/** Goal 14: the first call on every provisioned environment, next to a later one on the same. */
export async function provisioned(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const samples = new Map<string, number[]>([
    [first, []],
    [later, []],
  ]);
  const missing: { name: string; reason: string }[] = [];
  let cold = 0;
  let loaded = false;
  try {
    const fn = await nodeHello();
    await server.create(fn);
    await server.inspect(fn.name);
    try {
      const version = await publish(server, fn.name);
      const rounds = options.rounds ?? (options.quick ? 2 : 10);
      for (let round = 0; round < rounds; round++) {
        options.progress(`round ${round + 1} of ${rounds}`);
        await provision(server, fn.name, version, count);
        loaded ||= (await tooLoaded()) !== undefined;
        const firsts = await oneAfterTheOther(server, fn.name, version);
        cold += firsts.filter((one) => one.cold).length;
        samples.get(first)!.push(...firsts.map(({ ms }) => ms));
        samples.get(later)!.push(...(await oneAfterTheOther(server, fn.name, version)).map(({ ms }) => ms));
        await unprovision(server, fn.name, version);
        await server.cool(fn.name);
      }
    } catch (error) {
      missing.push({ name: first, reason: reasonOf(error) });
    }
    const goal = { goal: 14, what: "provisioned concurrency", subject: first, baseline: later } as const;
    const verdict = judge({ ...goal, limit: 1.2, direction: "at most" }, samples, loaded);
    return {
      name: "provisioned",
      loaded,
      measurements: [...samples].flatMap(([name, values]) =>
        values.length > 0 ? [measurement(name, "ms", values)] : [],
      ),
      verdicts: [uncounted(verdict, cold > 0 ? `${cold} first calls waited for a sandbox` : undefined)],
      phases: [],
      missing,
      notes: [
        `${count} environments; a call begins while the ones before are held by theirs, so that each meets another`,
      ],
    };
  } finally {
    await server.stop();
  }
}

/** Was a sandbox made while the call waited? */
function madeFor({ sandbox, agent, runtimeBoot, restore }: Timing): boolean {
  return sandbox + agent + runtimeBoot + restore > 0;
}

/** A call to each of `count` environments: every handler holds its event until the last call has come. Time held is taken off. */
async function oneAfterTheOther(server: Server, name: string, version: string) {
  const apartMs = 30;
  const holdMs = apartMs * (count + 5);
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.open(server.endpoint)));
  const bytes = request(server.url(name, version), JSON.stringify({ holdMs }), { "X-Thaw-Timing": "1" });
  try {
    const running = [];
    for (const connection of connections) {
      running.push(connection.send(bytes));
      await pause(apartMs);
    }
    return (await Promise.all(running)).map((answer) => ({
      ms: answer.firstByte - answer.sent - Number(goodAnswer(answer).heldMs),
      cold: madeFor(timingOf(answer)),
    }));
  } finally {
    for (const connection of connections) connection.close();
  }
}
