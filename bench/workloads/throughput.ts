import { generatorName, throughput as measure } from "../harness/closed-loop.ts";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { discards, judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import {
  fastifyEcho,
  httpEcho,
  ofWatchdog,
  reasonOf,
  runtimeInterfaceEmulator,
  serverlessOffline,
  workerd,
} from "../peers/index.ts";
import { nodeHello, type Server, startServer } from "../subject/index.ts";
import { startPeers } from "./side-by-side.ts";

const name = "Thaw, Node.js 22, isolated workers";
const connections = 32;
/** load before every measurement that does not count, seconds: environments are frozen while others have their turn */
const warmUp = 1;

interface Target {
  readonly name: string;
  readonly url: URL;
  readonly connections: number;
}

/** Goal 9: warm invocations a second on 32 connections, every one in a sandbox that serves no other meanwhile. */
export async function throughput(options: WorkloadOptions): Promise<WorkloadReport> {
  const judged = [
    { peer: fastifyEcho(), limit: 0.8 },
    { peer: workerd(), limit: 1.8 },
    { peer: runtimeInterfaceEmulator(), limit: 5 },
    { peer: ofWatchdog(), limit: 2 },
  ];
  const candidates = [httpEcho(), ...judged.map(({ peer }) => peer), serverlessOffline()];
  const running = await startPeers(candidates, options.progress);
  const missing = [...running.missing];
  let server: Server | undefined;
  try {
    options.progress("starting the server");
    server = await startServer();
    const { url, environments } = server;
    const fn = await nodeHello();
    await server.create(fn);
    await server.inspect(fn.name);
    const targets: Target[] = [{ name, url: url(fn.name), connections }];
    for (const peer of running.peers) {
      const target = { name: peer.name, url: peer.url(), connections: Math.min(connections, peer.connections) };
      options.progress(`trying ${peer.name}`);
      await measure(target.url, target.connections, warmUp).then(
        () => targets.push(target),
        (error: unknown) => missing.push({ name: peer.name, reason: reasonOf(error) }),
      );
    }
    let alive = 0;
    const seconds = options.quick ? 2 : 5;
    const subjects = targets.map(
      (target): Subject => ({
        name: target.name,
        async once() {
          await measure(target.url, target.connections, warmUp);
          const rate = await measure(target.url, target.connections, seconds);
          if (target.name === name) alive = Math.max(alive, await environments());
          return [rate];
        },
      }),
    );
    const rounds = options.rounds ?? (options.quick ? 2 : 5);
    const run = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });
    const goal = { goal: 9, what: "warm throughput", unit: "requests/s", direction: "at least" } as const;
    return {
      name: "throughput",
      loaded: run.loaded,
      measurements: targets.map((target) => measurement(target.name, "requests/s", run.samples.get(target.name)!)),
      verdicts: judged.map(({ peer, limit }) =>
        judge({ ...goal, subject: name, baseline: peer.name, limit }, run.samples, run.loaded),
      ),
      phases: [],
      missing,
      notes: [
        `${connections} connections, ${seconds} s a round after ${warmUp} s that do not count, generator ${generatorName}, on the same cores as the servers`,
        `Thaw held at most ${alive} environments after a round`,
        ...targets
          .filter((target) => target.connections < connections)
          .map((target) => `${target.name}: ${target.connections} connection, it refuses more`),
        ...running.peers.map((peer) => `${peer.name}: ${peer.version}`),
        ...discards(run.discarded),
      ],
    };
  } finally {
    await running.stop();
    await server?.stop();
  }
}
