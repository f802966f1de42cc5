import { summarize } from "../src/measure/index.ts";
import type { Timing } from "../src/model/index.ts";
import type { JvmCase, Row, Rung, Start } from "./demo-report.ts";
import {
  awaitBooted,
  type BenchFunction,
  type Invoked,
  imaged,
  medianPhases,
  publish,
  type Server,
  unexplainedShare,
  unseen,
} from "./subject/index.ts";

/** How many calls the demo makes of each kind. */
export interface Calls {
  readonly cold: number;
  readonly warm: number;
}

/** Measures one function by every way its environments can start, and warm. */
export async function measure(
  server: Server,
  fn: BenchFunction,
  calls: Calls,
  progress: (text: string) => void,
): Promise<Omit<Row, "name" | "mission">> {
  progress(`creating function ${fn.name} (${fn.runtime}), first call`);
  await server.create(fn);
  const first = await server.inspect(fn.name);
  const starts: Partial<Record<Rung, Start>> = {};
  const without: Partial<Record<Rung, string>> = {};

  progress(`${calls.cold} plain starts`);
  await server.configure(fn.name, { THAW_SNAPSHOT: "off" });
  starts.plain = startOf(await coldCalls(server, fn, calls.cold));

  progress("waiting for its image");
  await server.configure(fn.name, {});
  const { why, asked } = await imaged(server, fn);
  if (why === undefined) {
    progress(`${calls.cold} restores`);
    const found = await coldCalls(server, fn, calls.cold);
    const restored = found.filter(({ timing }) => timing.start === "restore");
    if (restored.length > 0) starts.restore = startOf(restored);
    if (restored.length < found.length / 2)
      without.restore = `${found.length - restored.length} of ${found.length} starts were plain`;
  } else without.restore = why;

  progress("code that was never seen");
  const pooled = (await awaitBooted(server, fn.name)) ?? (await neverSeen(server, fn, calls.cold));
  if (typeof pooled === "string") without.pool = pooled;
  else starts.pool = startOf(pooled);

  progress(`${calls.warm} warm calls`);
  await server.invoke(fn.name, {});
  const warm: Invoked[] = [];
  for (let n = 0; n < calls.warm; n++) warm.push(await server.invoke(fn.name, { n }));
  return {
    version: String(first.payload.version),
    starts,
    without,
    asked,
    warm: summarize(warm.map(({ firstByteMs }) => firstByteMs)),
    warmPhases: medianPhases(warm.map(({ timing }) => timing)),
    warmOutside: summarize(warm.map(({ firstByteMs, timing }) => firstByteMs - timing.total)),
  };
}

/** The mission's JVM case: `fn` has a long init, and its versions are published with SnapStart. */
export async function measureJvm(server: Server, fn: BenchFunction, calls: Calls): Promise<JvmCase> {
  await server.create(fn, undefined, { SnapStart: { ApplyOn: "PublishedVersions" } });
  const plain = await server.inspect(fn.name);
  const began = performance.now();
  const number = await publish(server, fn.name);
  const publishMs = performance.now() - began;
  const first = await server.inspect(fn.name, number);
  const cold: number[] = [];
  for (let n = 0; n < Math.max(2, calls.cold / 4); n++) {
    await server.cool(fn.name);
    cold.push((await server.inspect(fn.name, number)).firstByteMs);
  }
  return {
    version: String(plain.payload.version),
    plain: plain.firstByteMs,
    publish: publishMs,
    first: first.firstByteMs,
    start: first.timing.start,
    cold: summarize(cold),
  };
}

async function coldCalls(server: Server, fn: BenchFunction, count: number): Promise<Invoked[]> {
  const found: Invoked[] = [];
  for (let n = 0; n < count; n++) {
    await (server.driver === "container" ? server.cool(fn.name) : server.chill(fn.name));
    const invoked = await server.inspect(fn.name);
    if (invoked.timing.start === "warm") throw new Error(`${fn.name}: a call that was to be cold was warm`);
    found.push(invoked);
  }
  return found;
}

/** First calls of functions created just before; why not, when they are not served from the pool. */
async function neverSeen(server: Server, fn: BenchFunction, count: number): Promise<Invoked[] | string> {
  const found: Invoked[] = [];
  for (let n = 0; n < count; n++) {
    const one = unseen({ ...fn, name: `${fn.name}-new` }, n);
    await server.create(one);
    const invoked = await server.inspect(one.name);
    await server.call("DELETE", `/2015-03-31/functions/${one.name}`);
    if (invoked.timing.start !== "pool") return `the first call of new code was a ${invoked.timing.start} start`;
    found.push(invoked);
  }
  return found;
}

function startOf(invoked: readonly Invoked[]): Start {
  const timings: Timing[] = invoked.map(({ timing }) => timing);
  return {
    firstByte: summarize(invoked.map(({ firstByteMs }) => firstByteMs)),
    phases: medianPhases(timings),
    outside: summarize(invoked.map(({ firstByteMs, timing }) => firstByteMs - timing.total)),
    unexplained: unexplainedShare(timings),
  };
}
