import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "../../src/model/index.ts";
import {
  discards,
  type Measurement,
  measurement,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { nodeTold, startServer } from "../subject/index.ts";
import { doorCosts } from "./doors.ts";
import { backlogs, queueLoad } from "./event-load.ts";
import { type Recorder, startRecorder } from "./event-recorder.ts";
import { type OpenWay, ways } from "./event-ways.ts";

/** Events a second while latency is measured: far below what any source can do. */
const rate = 20;

/** What `--only` may name. */
const parts = [...Object.keys(ways), "load", "memory", "doors"];

/**
 * How long an event takes from its sender until its function has it, at a fixed rate, for each source; events accepted a second by
 * the platform's own queues, and worked off; the memory of long queues; and what a front door costs over a bare call.
 */
export async function events(options: WorkloadOptions): Promise<WorkloadReport> {
  const unknown = [...(options.only ?? [])].find((part) => !parts.includes(part));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: not one of ${parts.join(", ")}`);
  const wanted = (part: string) => options.only?.has(part) ?? true;
  const recorder = await startRecorder();
  const server = await startServer({ THAW_UPSTREAM_RECORDER: recorder.url, THAW_UPSTREAM: "" });
  const measurements: Measurement[] = [];
  const missing: { name: string; reason: string }[] = [];
  try {
    options.progress("preparing");
    const told = await nodeTold();
    await server.create(told);
    for (const [part, way] of Object.entries(ways)) {
      if (!wanted(part)) continue;
      options.progress(way.name);
      const open = await way.open(server, told).catch((error: Error) => error);
      if (open instanceof Error) {
        missing.push({ name: way.name, reason: open.message.slice(0, 200) });
        continue;
      }
      try {
        const times = await latency(open, recorder, options.quick ? 2 : 10);
        measurements.push(measurement(`${way.name}: sent to begun`, "ms", times, `${rate} a second`));
      } finally {
        await open.close();
      }
    }
    if (wanted("load")) measurements.push(...(await queueLoad(server, told, recorder, options)));
    if (wanted("memory")) measurements.push(...(await backlogs(options)));
    const doors = wanted("doors") ? await doorCosts(server, options) : undefined;
    for (const [name, samples] of doors?.run.samples ?? []) measurements.push(measurement(name, "ms", samples));
    return {
      name: "events",
      loaded: doors?.run.loaded ?? false,
      measurements,
      verdicts: doors?.verdicts ?? [],
      phases: [],
      missing,
      notes: [
        "latency: from before the request is written until the function's handler begins, by one clock",
        ...discards(doors?.run.discarded ?? []),
      ],
    };
  } finally {
    await server.stop();
    recorder.close();
  }
}

/** Events at a fixed rate, whether those before have arrived or not; ms until each was at its handler. */
async function latency(open: OpenWay, recorder: Recorder, seconds: number): Promise<readonly number[]> {
  const send = (number: number) => open.send(JSON.stringify({ sent: monotonicMs(), number }));
  // The function starts, and the source is there.
  const warm = 10;
  const before = recorder.times.length;
  for (let number = 0; number < warm; number += 1) await send(number);
  await recorder.until(before + warm);
  const first = recorder.times.length;
  const count = rate * seconds;
  const start = monotonicMs();
  const sending: Promise<void>[] = [];
  for (let number = 0; number < count; number += 1) {
    await pause(Math.max(0, start + (number * 1000) / rate - monotonicMs()));
    sending.push(send(warm + number));
  }
  await Promise.all(sending);
  await recorder.until(first + count);
  return recorder.times.slice(first, first + count);
}
