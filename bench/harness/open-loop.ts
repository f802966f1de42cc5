import { monotonicMs } from "../../src/model/index.ts";
import { type Answer, Connection } from "./connection.ts";
import { Histogram } from "./histogram.ts";

export interface OpenLoopOptions {
  readonly url: URL;
  /** bytes of the request, ready to be written */
  readonly bytes: Buffer;
  readonly connections: number;
  /** requests a second */
  readonly rate: number;
  readonly seconds: number;
  /** throws when an answer is not what it must be */
  readonly check: (answer: Answer) => void;
}

export interface OpenLoopResult {
  /** ms from the moment the request was due until its answer was read whole */
  readonly latency: Histogram;
  /** ms by which the generator itself was late although a connection was free */
  readonly lateness: Histogram;
  /** latencies one by one, in the order they were due */
  readonly samples: readonly number[];
}

/**
 * Requests at a constant rate whatever the server does. Latency counts from the time a request was due, not from when it
 * could be sent, so a stall shows in every request that it delayed (Tene: coordinated omission). The last 2 ms before a
 * request are spent polling, since timers are only good to a millisecond.
 */
export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const idle: Connection[] = [];
  for (let i = 0; i < options.connections; i++) idle.push(await Connection.open(options.url));
  const all = [...idle];
  const latency = new Histogram();
  const lateness = new Histogram();
  const total = Math.round(options.rate * options.seconds);
  const samples = new Array<number>(total);
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  let failure: unknown;
  const start = monotonicMs() + 5;
  const due = (n: number): number => start + (n * 1000) / options.rate;

  const run = async (connection: Connection, first: number): Promise<void> => {
    for (let n: number | undefined = first; n !== undefined; n = waiting.shift()) {
      const answer = await connection.send(options.bytes);
      options.check(answer);
      samples[n] = answer.done - due(n);
      latency.record(samples[n]!);
    }
    idle.push(connection);
  };

  try {
    for (let n = 0; n < total && failure === undefined; n++) {
      await until(due(n));
      const connection = idle.pop();
      if (!connection) {
        waiting.push(n);
        continue;
      }
      lateness.record(monotonicMs() - due(n));
      const done = run(connection, n).catch((error: unknown) => {
        failure ??= error;
      });
      running.add(done);
      void done.then(() => running.delete(done));
    }
    await Promise.all(running);
    if (failure !== undefined) throw failure;
    return { latency, lateness, samples };
  } finally {
    for (const connection of all) connection.close();
  }
}

async function until(time: number): Promise<void> {
  const ahead = time - monotonicMs() - 2;
  if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
  while (monotonicMs() < time) await new Promise((resolve) => setImmediate(resolve));
}

/** `count` requests one after the other on one connection: ms from writing to the last byte of each. */
export async function serial(
  options: Pick<OpenLoopOptions, "url" | "bytes" | "check"> & { readonly count: number },
): Promise<readonly number[]> {
  const connection = await Connection.open(options.url);
  try {
    const samples: number[] = [];
    for (let n = 0; n < options.count; n++) {
      const answer = await connection.send(options.bytes);
      options.check(answer);
      samples.push(answer.done - answer.sent);
    }
    return samples;
  } finally {
    connection.close();
  }
}
