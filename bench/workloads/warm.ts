import type { Timing } from "../../src/model/index.ts";
import { type Answer, request } from "../harness/connection.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { openLoop, serial } from "../harness/open-loop.ts";
import { judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { httpEcho, runtimeInterfaceEmulator, serverlessOffline } from "../peers/index.ts";
import { medianPhases, nodeHello, type Server, startServer } from "../subject/index.ts";
import { discards } from "./cold.ts";
import { startPeers } from "./side-by-side.ts";

const name = "Thaw, Node.js 22";
const body = JSON.stringify({ hello: "world", numbers: [1, 2, 3] });
/** requests a second of the open loop: far below what the slowest peer can do, so that it measures latency, not queues */
const rate = 50;

/**
 * Goal 8: a warm invocation on one connection, through the API, routing and the sandbox, against what HTTP itself costs
 * (node:http echo) and against the emulators people use. At a constant rate (open loop) and one call after the other.
 */
export async function warm(options: WorkloadOptions): Promise<WorkloadReport> {
  const candidates = [httpEcho(), serverlessOffline(), runtimeInterfaceEmulator()];
  const { peers, missing, stop } = await startPeers(candidates, options.progress);
  let server: Server | undefined;
  try {
    options.progress("starting the server");
    server = await startServer();
    const { url } = server;
    const fn = await nodeHello();
    await server.create(fn);
    await server.inspect(fn.name);
    const targets = [{ name, url: url(fn.name) }, ...peers.map((peer) => ({ name: peer.name, url: peer.url() }))];
    const seconds = options.quick ? 1 : 3;
    const count = options.quick ? 100 : 400;
    const loops = {
      "open loop": (url: URL) =>
        openLoop({ url, bytes: request(url, body), connections: 1, rate, seconds, check }).then((run) => run.samples),
      serial: (url: URL) => serial({ url, bytes: request(url, body), count, check }),
    };
    const rounds = options.rounds ?? (options.quick ? 2 : 5);
    const report = { measurements: [], verdicts: [], notes: [] } as Pick<
      Mutable<WorkloadReport>,
      "measurements" | "verdicts" | "notes"
    >;
    for (const [mode, loop] of Object.entries(loops)) {
      const subjects = targets.map(({ name, url }): Subject => ({ name, once: () => loop(url) }));
      const progress = (text: string) => options.progress(`${mode}: ${text}`);
      const run = await interleave(subjects, { rounds, tooLoaded, progress });
      report.measurements.push(
        ...targets.map((t) => measurement(`${t.name}, ${mode}`, "ms", run.samples.get(t.name)!)),
      );
      const what = `warm invoke, ${mode}`;
      report.verdicts.push(
        ...candidates.map(({ name: baseline }, i) =>
          judge(
            { goal: 8, what, subject: name, baseline, limit: [1.8, 0.1, 0.3][i]!, direction: "at most" },
            run.samples,
            run.loaded,
          ),
        ),
      );
      report.notes.push(...discards(run.discarded));
    }
    const timings: Timing[] = [];
    for (let n = 0; n < count; n++) timings.push((await server.invoke(fn.name, { n })).timing);
    const notes = [
      `open loop: ${rate} requests a second, measured from the time each was due; payload ${body.length} bytes`,
      ...peers.map((peer) => `${peer.name}: ${peer.version}`),
      ...report.notes,
    ];
    return {
      name: "warm",
      ...report,
      notes,
      phases: [{ name, start: "warm", phases: medianPhases(timings) }],
      missing,
    };
  } finally {
    await stop();
    await server?.stop();
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** The echo must come back whole: a fast error is no answer. */
function check(answer: Answer): void {
  if (answer.status !== 200 || answer.body.toString() !== body) {
    throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
  }
}
