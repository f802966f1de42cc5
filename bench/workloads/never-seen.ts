import type { Timing } from "../../src/model/index.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import {
  discards,
  judge,
  measurement,
  uncounted,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { createSpawner, type Spawner } from "../harness/spawner.ts";
import { findPython, nodeBinary, reasonOf } from "../peers/index.ts";
import {
  awaitBooted,
  type BenchFunction,
  medianPhases,
  nodeHello,
  pythonHello,
  pythonRuntime,
  type Server,
  startServer,
  unseen,
} from "../subject/index.ts";

interface Row {
  readonly title: string;
  readonly baseline: string;
  readonly timings: Timing[];
  readonly subjects: readonly Subject[];
}

/** Goal 6: the first call ever of a function whose code nobody has seen: no image, nothing unpacked before its deployment. */
export async function neverSeen(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const spawner = createSpawner();
  const missing: { name: string; reason: string }[] = [];
  try {
    const rows: Row[] = [];
    const runtime = await pythonRuntime();
    for (const [language, make, baseline] of [
      ["Node.js", () => nodeHello(), async (version: string) => [await nodeBinary(version), "-e", "0"]],
      ["Python", () => pythonHello(runtime ?? "python3"), async () => [(await findPython())!.binary, "-c", "0"]],
    ] as const) {
      options.progress(`preparing ${language}`);
      try {
        rows.push(await rowOf(server, spawner, await make(), baseline));
      } catch (error) {
        missing.push({ name: language, reason: reasonOf(error) });
      }
    }
    const run = await interleave(
      rows.flatMap((row) => row.subjects),
      { rounds: options.rounds ?? (options.quick ? 5 : 30), warmups: 2, tooLoaded, progress: options.progress },
    );
    return {
      name: "pool",
      loaded: run.loaded,
      measurements: [...run.samples].map(([name, samples]) => measurement(name, "ms", samples)),
      verdicts: rows.map(({ title, baseline, timings }) => {
        const goal = { goal: 6, what: "never-seen code", limit: 0.5, direction: "at most" } as const;
        const verdict = judge({ ...goal, subject: title, baseline }, run.samples, run.loaded);
        const pooled = timings.filter(({ start }) => start === "pool").length;
        const why = `${pooled} of ${timings.length} starts took a pre-booted runtime`;
        return uncounted(verdict, pooled < 0.95 * timings.length ? why : undefined);
      }),
      phases: rows.map(({ title, timings }) => ({
        name: title,
        start: [...new Set(timings.map(({ start }) => start))].join(", "),
        phases: medianPhases(timings),
      })),
      missing,
      notes: ["Every call is of a function of its own, created just before.", ...discards(run.discarded)],
    };
  } finally {
    spawner.close();
    await server.stop();
  }
}

async function rowOf(
  server: Server,
  spawner: Spawner,
  fn: BenchFunction,
  argvOf: (version: string) => Promise<readonly string[]>,
): Promise<Row> {
  await server.create(fn);
  const version = String((await server.inspect(fn.name)).payload.version);
  // It stays, so that there is a function of this runtime at all times. Without a booted one the first calls are plain, and count as such.
  await awaitBooted(server, fn.name);
  const argv = await argvOf(version);
  const title = `${fn.title}, never seen`;
  const baseline = `${argv[0]!.split("/").at(-1)} ${argv.slice(1).join(" ")} (${version})`;
  const timings: Timing[] = [];
  let count = 0;
  const first: Subject = {
    name: title,
    async once(round) {
      const fresh = unseen(fn, count++);
      await server.create(fresh);
      const { firstByteMs, timing } = await server.inspect(fresh.name);
      if (round >= 0) timings.push(timing);
      await server.call("DELETE", `/2015-03-31/functions/${fresh.name}`);
      return [firstByteMs];
    },
  };
  const bare: Subject = {
    name: baseline,
    async once() {
      const { ms, code } = await spawner.run(argv, "exit");
      if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}`);
      return [ms];
    },
  };
  return { title, baseline, timings, subjects: [first, bare] };
}
