import type { Timing } from "../../src/model/index.ts";
import { type Answer, request } from "../harness/connection.ts";
import { type Interleaved, interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { openLoop, serial } from "../harness/open-loop.ts";
import {
  discards,
  judge,
  measurement,
  type Verdict,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { fastifyEcho, httpEcho, runtimeInterfaceEmulator, serverlessOffline, workerd } from "../peers/index.ts";
import { medianPhases, nodeHello, type Server, startServer } from "../subject/index.ts";
import { event, startPeers } from "./side-by-side.ts";

const name = "Thaw, Node.js 22";
/**
 * Requests a second of the open loop: far below what the slowest peer can do, so that it measures latency, not queues,
 * and 20 ms apart, so that no environment is frozen between two of them.
 */
const rate = 50;
/** calls before every turn that do not count: while others have theirs, an environment is frozen and caches go cold */
const warmUp = 30;

/**
 * Goal 8: a warm invocation on one connection, through the API, routing and the sandbox, against what HTTP itself costs
 * (node:http echo) and against the emulators people use. At a constant rate (open loop) and one call after the other.
 */
export async function warm(options: WorkloadOptions): Promise<WorkloadReport> {
  const judged = [
    { peer: httpEcho(), limit: 1.8 },
    { peer: serverlessOffline(), limit: 0.1 },
    { peer: runtimeInterfaceEmulator(), limit: 0.3 },
  ];
  const candidates = [...judged.map(({ peer }) => peer), fastifyEcho(), workerd()];
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
        openLoop({ url, bytes: request(url, event), connections: 1, rate, seconds, check }).then((run) => run.samples),
      serial: (url: URL) => serial({ url, bytes: request(url, event), count, check }),
    };
    const rounds = options.rounds ?? (options.quick ? 2 : 5);
    const runs: { mode: string; run: Interleaved }[] = [];
    for (const [mode, loop] of Object.entries(loops)) {
      const subjects = targets.map(
        ({ name, url }): Subject => ({
          name,
          async once() {
            await serial({ url, bytes: request(url, event), count: warmUp, check });
            return loop(url);
          },
        }),
      );
      const progress = (text: string) => options.progress(`${mode}: ${text}`);
      runs.push({ mode, run: await interleave(subjects, { rounds, tooLoaded, progress }) });
    }
    const timings: Timing[] = [];
    for (let n = 0; n < warmUp + count; n++) {
      const { timing } = await server.invoke(fn.name, { n });
      if (n >= warmUp) timings.push(timing);
    }
    return {
      name: "warm",
      loaded: runs.some(({ run }) => run.loaded),
      measurements: runs.flatMap(({ mode, run }) =>
        targets.map(({ name }) => measurement(`${name}, ${mode}`, "ms", run.samples.get(name)!)),
      ),
      verdicts: runs.flatMap(({ mode, run }) =>
        judged.map(({ peer, limit }): Verdict => {
          const goal = { goal: 8, what: `warm invoke, ${mode}`, limit, direction: "at most" } as const;
          return judge({ ...goal, subject: name, baseline: peer.name }, run.samples, run.loaded);
        }),
      ),
      phases: [{ name, start: "warm", phases: medianPhases(timings) }],
      missing,
      notes: [
        `open loop: ${rate} requests a second, measured from the time each was due; payload ${event.length} bytes; ${warmUp} calls before every turn do not count`,
        ...peers.map((peer) => `${peer.name}: ${peer.version}`),
        ...runs.flatMap(({ mode, run }) => discards(run.discarded).map((text) => `${mode}: ${text}`)),
      ],
    };
  } finally {
    await stop();
    await server?.stop();
  }
}

/** The echo must come back whole: a fast error is no answer. */
function check(answer: Answer): void {
  if (answer.status !== 200 || answer.body.toString() !== event) {
    throw new Error(`${answer.status}: ${answer.body.toString().slice(0, 500)}`);
  }
}
