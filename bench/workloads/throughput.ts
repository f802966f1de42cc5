import { generatorName, throughput as measure } from "../harness/closed-loop.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { fastifyEcho, httpEcho, ofWatchdog, runtimeInterfaceEmulator, workerd } from "../peers/index.ts";
import { nodeHello, type Server, startServer } from "../subject/index.ts";
import { discards } from "./cold.ts";
import { startPeers } from "./side-by-side.ts";

const name = "Thaw, Node.js 22, isolated workers";
const connections = 32;

/** Goal 9: warm invocations a second on 32 connections, every one in a sandbox that serves no other meanwhile. */
export async function throughput(options: WorkloadOptions): Promise<WorkloadReport> {
  const judged = [
    { peer: fastifyEcho(), limit: 0.8 },
    { peer: workerd(), limit: 1.8 },
    { peer: runtimeInterfaceEmulator(), limit: 5 },
    { peer: ofWatchdog(), limit: 2 },
  ];
  const candidates = [httpEcho(), ...judged.map(({ peer }) => peer)];
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
    const seconds = options.quick ? 2 : 5;
    const subjects = targets.map(
      ({ name, url }): Subject => ({ name, once: async () => [await measure(url, connections, seconds)] }),
    );
    const rounds = options.rounds ?? (options.quick ? 2 : 5);
    const run = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });
    return {
      name: "throughput",
      measurements: targets.map((target) => measurement(target.name, "requests/s", run.samples.get(target.name)!)),
      verdicts: judged.map(({ peer, limit }) =>
        judge(
          { goal: 9, what: "warm throughput", subject: name, baseline: peer.name, limit, direction: "at least" },
          run.samples,
          run.loaded,
        ),
      ),
      phases: [],
      missing,
      notes: [
        `${connections} connections, ${seconds} s a round, generator ${generatorName}, on the same cores as the servers`,
        ...peers.map((peer) => `${peer.name}: ${peer.version}`),
        ...discards(run.discarded),
      ],
    };
  } finally {
    await stop();
    await server?.stop();
  }
}
