import type { Timing } from "../../src/model/index.ts";
import { Connection, request } from "../harness/connection.ts";
import { tooLoaded } from "../harness/machine.ts";
import {
  judge,
  judgeTail,
  measurement,
  uncounted,
  type Verdict,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { createSpawner } from "../harness/spawner.ts";
import { nodeBinary } from "../peers/index.ts";
import { awaitImage, goodAnswer, nodeHello, type Server, startServer, timingOf } from "../subject/index.ts";

/** What Lambda adds to a function in ten seconds (AWS Lambda Developer Guide, "Concurrency scaling rate"). */
const awsRate = { name: "AWS's scaling rate, 1,000 in 10 s", ms: 10_000 };
/** Memory of a function in a burst: 1,000 of them are to be alive together. */
const memoryMb = 128;

const apart = "not all of them were alive together";

interface Burst {
  /** ms from the first request to each answer's first byte, without the time that the handler held it */
  readonly samples: readonly number[];
  readonly starts: readonly Timing["start"][];
  /** every handler had begun before the first one ended */
  readonly together: boolean;
}

/**
 * Goals 11 and 12: many calls of one function at once, none of its environments alive. Every handler holds its event until
 * all calls have theirs, so that each needs an environment of its own; that time is taken off again.
 */
export async function burst(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const spawner = createSpawner();
  try {
    options.progress("preparing");
    const fn = await nodeHello();
    await server.create(fn, memoryMb);
    const { version } = (await server.inspect(fn.name)).payload;
    const without = await awaitImage(server, fn.name);
    const bare = [await nodeBinary(String(version)), "-e", "0"];
    const rounds = options.rounds ?? (options.quick ? 1 : 5);
    const samples = new Map<string, number[]>([
      ["node -e 0", []],
      ["100 at once: the last answer", []],
      ["100 at once", []],
    ]);
    const starts: Timing["start"][] = [];
    let loaded = false;
    let together = true;
    for (let round = 0; round < rounds; round++) {
      options.progress(`100 at once, round ${round + 1} of ${rounds}`);
      loaded ||= (await tooLoaded()) !== undefined;
      for (let n = 0; n < 5; n++) samples.get("node -e 0")!.push((await spawner.run(bare, "exit")).ms);
      await server.cool(fn.name);
      const found = await atOnce(server, fn.name, 100, 5000);
      together &&= found.together;
      starts.push(...found.starts);
      samples.get("100 at once")!.push(...found.samples);
      samples.get("100 at once: the last answer")!.push(Math.max(...found.samples));
    }
    const hundred = { goal: 11, what: "100 cold calls at once" } as const;
    const verdicts: Verdict[] = [
      judge(
        { ...hundred, subject: "100 at once: the last answer", baseline: "node -e 0", limit: 10, direction: "at most" },
        samples,
        loaded,
      ),
      judgeTail({ ...hundred, subject: "100 at once", limit: 2.2 }, samples.get("100 at once")!, loaded),
    ].map((verdict) => uncounted(verdict, without ?? (together ? strays(starts) : apart)));
    const missing: { name: string; reason: string }[] = [];
    if (without === undefined) {
      const name = "1,000 at once: the last answer";
      samples.set(name, []).set(awsRate.name, [awsRate.ms]);
      const all: Timing["start"][] = [];
      let allTogether = true;
      for (let round = 0; round < (options.quick ? 1 : 3); round++) {
        options.progress(`1,000 at once, round ${round + 1}`);
        await server.cool(fn.name);
        const found = await atOnce(server, fn.name, 1000, 12_000);
        samples.get(name)!.push(Math.max(...found.samples));
        all.push(...found.starts);
        allTogether &&= found.together;
      }
      const goal = {
        goal: 12,
        what: "1,000 cold calls at once, all alive",
        subject: name,
        baseline: awsRate.name,
      } as const;
      const verdict = judge({ ...goal, limit: 0.25, direction: "at most" }, samples, loaded);
      verdicts.push(uncounted(verdict, allTogether ? strays(all) : apart));
    } else missing.push({ name: "1,000 at once", reason: without });
    return {
      name: "burst",
      loaded,
      measurements: [...samples].map(([name, values]) => measurement(name, "ms", values)),
      verdicts,
      phases: [],
      missing,
      notes: [`${memoryMb} MB; every call in an environment of its own; starts: ${[...new Set(starts)].join(", ")}`],
    };
  } finally {
    spawner.close();
    await server.stop();
  }
}

function strays(starts: readonly Timing["start"][]): string | undefined {
  const other = starts.filter((start) => start !== "restore");
  return other.length > 0.05 * starts.length
    ? `${other.length} of ${starts.length} were ${other[0]} starts`
    : undefined;
}

/** `count` calls at once on as many connections, each held `holdMs` by its handler. */
async function atOnce(server: Server, name: string, count: number, holdMs: number): Promise<Burst> {
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.open(server.endpoint)));
  try {
    const bytes = request(server.url(name), JSON.stringify({ holdMs }), { "X-Thaw-Timing": "1" });
    const answers = await Promise.all(connections.map((connection) => connection.send(bytes)));
    const began = Math.min(...answers.map(({ sent }) => sent));
    const held = answers.map((answer) => Number(goodAnswer(answer).heldMs));
    const entered = answers.map(({ firstByte }, n) => firstByte - held[n]!);
    return {
      samples: entered.map((at) => at - began),
      starts: answers.map((answer) => timingOf(answer).start),
      together: Math.max(...entered) < Math.min(...answers.map(({ firstByte }) => firstByte)),
    };
  } finally {
    for (const connection of connections) connection.close();
  }
}
