import { monotonicMs } from "../model/index.ts";
import { Histogram } from "./histogram.ts";

export interface OpenLoopOptions<Worker> {
  /** each sends one request at a time; a request that finds none free waits for one */
  readonly workers: readonly Worker[];
  /** requests a second */
  readonly rate: number;
  readonly seconds: number;
  /** Sends request `n` and resolves with the time (monotonicMs) at which its answer was whole; a rejection ends the run. */
  readonly send: (worker: Worker, n: number) => Promise<number>;
}

export interface OpenLoopResult {
  /** ms from the moment the request was due until its answer was read whole */
  readonly latency: Histogram;
  /** ms by which the generator itself was late although a worker was free */
  readonly lateness: Histogram;
  /** latencies one by one, in the order they were due */
  readonly samples: readonly number[];
}

/**
 * Requests at a constant rate whatever the server does. Latency counts from the time a request was due, not from when it
 * could be sent, so a stall shows in every request that it delayed (Tene: coordinated omission). The last 2 ms before a
 * request are spent polling, since timers are only good to a millisecond.
 */
export async function openLoop<Worker>(options: OpenLoopOptions<Worker>): Promise<OpenLoopResult> {
  const idle = [...options.workers];
  const latency = new Histogram();
  const lateness = new Histogram();
  const total = Math.round(options.rate * options.seconds);
  const samples = new Array<number>(total);
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  let failure: unknown;
  const start = monotonicMs() + 5;
  const due = (n: number): number => start + (n * 1000) / options.rate;

  const run = async (worker: Worker, first: number): Promise<void> => {
    for (let n: number | undefined = first; n !== undefined; n = waiting.shift()) {
      samples[n] = (await options.send(worker, n)) - due(n);
      latency.record(samples[n]!);
    }
    idle.push(worker);
  };

  for (let n = 0; n < total && failure === undefined; n++) {
    await until(due(n));
    const worker = idle.pop();
    if (worker === undefined) {
      waiting.push(n);
      continue;
    }
    lateness.record(monotonicMs() - due(n));
    const done = run(worker, n).catch((error: unknown) => {
      failure ??= error;
    });
    running.add(done);
    void done.then(() => running.delete(done));
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure;
  return { latency, lateness, samples };
}

async function until(time: number): Promise<void> {
  const ahead = time - monotonicMs() - 2;
  if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
  while (monotonicMs() < time) await new Promise((resolve) => setImmediate(resolve));
}
