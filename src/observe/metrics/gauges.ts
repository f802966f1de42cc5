import type { FunctionVersion } from "../../model/index.ts";
import { addSet, newSketch, type Sketch } from "./sketch.ts";

/** How many run at once of something, looked at whenever one more begins. */
interface Gauge {
  readonly of: Pick<FunctionVersion, "account" | "region" | "name" | "version">;
  readonly kind: GaugeKind;
  /** of a version: places of its own, as it was seen last */
  own: number;
  running: number;
  looks: number;
  sum: number;
  min: number;
  max: number;
  /** of a version: those that found one of its own places, and those that did not */
  provisioned: number;
  spilled: number;
}

export type GaugeKind = "account" | "unreserved" | "function" | "version";

export interface GaugeReading extends Pick<Gauge, "of" | "kind" | "own" | "provisioned" | "spilled" | "running"> {
  readonly concurrency: Sketch;
}

/** Counts running invocations by account, function and version. */
export interface Gauges {
  begun(target: FunctionVersion): void;
  ended(target: FunctionVersion): void;
  /** What was seen since the last reading. */
  read(): GaugeReading[];
}

export function createGauges(): Gauges {
  const all = new Map<string, Gauge>();
  // Whatever a version's object, it counts in the same gauges: this only saves the way there.
  let known = new WeakMap<FunctionVersion, readonly Gauge[]>();

  function gauge(key: string, kind: GaugeKind, { account, region, name, version }: FunctionVersion): Gauge {
    const found = all.get(key);
    if (found !== undefined) return found;
    const of = { account, region, name, version };
    const counts = { own: 0, running: 0, looks: 0, sum: 0, provisioned: 0, spilled: 0 };
    const made: Gauge = { of, kind, ...counts, min: Number.POSITIVE_INFINITY, max: 0 };
    all.set(key, made);
    return made;
  }

  function gaugesOf(target: FunctionVersion): readonly Gauge[] {
    const found = known.get(target);
    if (found !== undefined) return found;
    const { account, region, name, version } = target;
    const scope = `${account}/${region}`;
    const made = [
      gauge(`${scope}/${name}/${version}`, "version", target),
      gauge(`${scope}/${name}`, "function", target),
      gauge(scope, "account", target),
    ];
    if (target.reservedConcurrency === undefined) made.push(gauge(`${scope}//`, "unreserved", target));
    known.set(target, made);
    return made;
  }

  return {
    begun(target) {
      const gauges = gaugesOf(target);
      for (const one of gauges) look(one, ++one.running);
      const own = target.provisionedConcurrency;
      const version = gauges[0]!;
      version.own = own;
      if (own === 0) return;
      if (version.running <= own) version.provisioned++;
      else version.spilled++;
    },
    ended(target) {
      for (const one of gaugesOf(target)) one.running--;
    },
    read() {
      const readings: GaugeReading[] = [];
      for (const [key, one] of all) {
        if (one.running > 0) look(one, one.running);
        if (one.looks > 0) {
          const { of, kind, own, provisioned, spilled, running, looks, sum, min, max } = one;
          const concurrency = newSketch();
          addSet(concurrency, { count: looks, sum, min, max });
          readings.push({ of, kind, own, provisioned, spilled, running, concurrency });
        }
        if (one.running === 0) all.delete(key);
        Object.assign(one, { looks: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0, provisioned: 0, spilled: 0 });
      }
      // A gauge that is gone must not be found by an object that remembers it.
      known = new WeakMap();
      return readings;
    },
  };
}

function look(gauge: Gauge, running: number): void {
  gauge.looks++;
  gauge.sum += running;
  if (running > gauge.max) gauge.max = running;
  if (running < gauge.min) gauge.min = running;
}
