import type { FunctionVersion, Invocation, StartKind, Timing } from "../../model/index.ts";
import { createGauges, type GaugeReading } from "./gauges.ts";
import type { Metrics } from "./metrics.ts";
import type { Dimension, Series } from "./series.ts";
import { addSet, addValue, newSketch, type Sketch } from "./sketch.ts";
import { createTotals, type Totals } from "./totals.ts";

/** CloudWatch's name for what it knows of Lambda. */
export const lambdaNamespace = "AWS/Lambda";
/** What Lambda has no metric for: how long starts take, by their kind, and timeouts. */
export const ownNamespace = "Thaw/Lambda";

/** What is counted of functions: as CloudWatch names it. Source: Lambda Developer Guide, "Types of metrics for Lambda functions". */
export interface FunctionMetrics {
  /** An invocation has been admitted; once `ended` for each. */
  begun(target: FunctionVersion): void;
  ended(target: FunctionVersion): void;
  throttled(invocation: Invocation): void;
  record(invocation: Invocation, timing: Timing, errorType: string | undefined): void;
  /** Another metric of a function: of its asynchronous events, its URL, a mapping. */
  count(of: Pick<FunctionVersion, "account" | "region" | "name">, metric: string, value: number, also?: Also): void;
  /** since the platform started */
  readonly totals: Totals;
}

export interface Also {
  /** default `Count` */
  readonly unit?: string;
  /** dimensions beside FunctionName */
  readonly dimensions?: readonly Dimension[];
}

/** What is known of one version, called by one name, in the minute that runs. */
interface Cell {
  readonly target: FunctionVersion;
  readonly invokedArn: string;
  invocations: number;
  errors: number;
  throttles: number;
  timeouts: number;
  readonly duration: Sketch;
  readonly starts: Map<StartKind, Sketch>;
}

export interface FunctionMetricsNeeds {
  readonly metrics: Pick<Metrics, "put" | "putSketch" | "collect">;
  /** milliseconds since the epoch */
  clock(): number;
  /** executions that functions have reserved or provisioned, whether they run or not; left out: none */
  claimed?(of: Pick<FunctionVersion, "account" | "region">): number;
}

/** Counts in memory what happens to functions; once a minute it becomes metrics. */
export function createFunctionMetrics({ metrics, clock, claimed = () => 0 }: FunctionMetricsNeeds): FunctionMetrics {
  const gauges = createGauges();
  const totals = createTotals();
  let cells = new Map<FunctionVersion, Map<string, Cell>>();

  function cellOf({ target, invokedArn }: Invocation): Cell {
    let ofTarget = cells.get(target);
    if (ofTarget === undefined) {
      ofTarget = new Map();
      cells.set(target, ofTarget);
    }
    let cell = ofTarget.get(invokedArn);
    if (cell === undefined) {
      const counts = { invocations: 0, errors: 0, throttles: 0, timeouts: 0 };
      cell = { target, invokedArn, ...counts, duration: newSketch(), starts: new Map() };
      ofTarget.set(invokedArn, cell);
    }
    return cell;
  }

  metrics.collect((at) => {
    const counted = cells;
    cells = new Map();
    for (const ofTarget of counted.values()) for (const cell of ofTarget.values()) publish(cell, at);
    for (const reading of gauges.read()) publishGauge(reading, at);
  });

  function publish(cell: Cell, at: number): void {
    totals.add(cell);
    const { invocations } = cell;
    for (const dimensions of dimensionsOf(cell)) {
      const put = (namespace: string, name: string, unit: string, sketch: Sketch) =>
        metrics.putSketch(seriesOf(cell.target, namespace, name, dimensions, unit), at, sketch);
      if (invocations > 0) {
        put(lambdaNamespace, "Invocations", "Count", ones(invocations, invocations));
        put(lambdaNamespace, "Errors", "Count", ones(invocations, cell.errors));
        put(lambdaNamespace, "Duration", "Milliseconds", cell.duration);
        put(ownNamespace, "Timeouts", "Count", ones(invocations, cell.timeouts));
      }
      put(lambdaNamespace, "Throttles", "Count", ones(invocations + cell.throttles, cell.throttles));
      const started = [...cell.starts.values()];
      if (started.length > 0) {
        for (const one of started) put(ownNamespace, "StartDuration", "Milliseconds", one);
        const starts = started.reduce((sum, { count }) => sum + count, 0);
        put(ownNamespace, "ColdStarts", "Count", ones(invocations, starts));
      }
    }
    for (const [kind, sketch] of cell.starts) {
      const dimensions = [...named(cell.target.name), { name: "StartKind", value: kind }];
      metrics.putSketch(seriesOf(cell.target, ownNamespace, "StartDuration", dimensions, "Milliseconds"), at, sketch);
    }
  }

  function publishGauge({ of, kind, own, provisioned, spilled, concurrency }: GaugeReading, at: number): void {
    const put = (name: string, dimensions: readonly Dimension[], sketch: Sketch, unit = "Count") =>
      metrics.putSketch(seriesOf(of, lambdaNamespace, name, dimensions, unit), at, sketch);
    if (kind === "account") put("ConcurrentExecutions", [], concurrency);
    if (kind === "unreserved") {
      put("UnreservedConcurrentExecutions", [], concurrency);
      put("ClaimedAccountConcurrency", [], raised(concurrency, claimed(of)));
    }
    if (kind === "function") put("ConcurrentExecutions", named(of.name), concurrency);
    if (kind !== "version" || own === 0) return;
    const began = provisioned + spilled;
    for (const dimensions of [named(of.name), resource(of.name, of.version)]) {
      put("ProvisionedConcurrentExecutions", dimensions, capped(concurrency, own));
      put("ProvisionedConcurrencyUtilization", dimensions, scaled(capped(concurrency, own), 1 / own));
      if (began === 0) continue;
      put("ProvisionedConcurrencyInvocations", dimensions, ones(began, provisioned));
      put("ProvisionedConcurrencySpilloverInvocations", dimensions, ones(began, spilled));
    }
  }

  return {
    begun: gauges.begun,
    ended: gauges.ended,
    throttled: (invocation) => void cellOf(invocation).throttles++,
    record(invocation, timing, errorType) {
      const cell = cellOf(invocation);
      cell.invocations++;
      if (errorType !== undefined) {
        cell.errors++;
        if (errorType === "Sandbox.Timedout") cell.timeouts++;
      }
      addValue(cell.duration, timing.handler);
      if (timing.start === "warm") return;
      const { start, place, sandbox, agent, runtimeBoot, codeInit, restore, hooks } = timing;
      const waited = place + sandbox + agent + runtimeBoot + codeInit + restore + hooks;
      // Provisioned or started ahead, and ready before its first call came: cold for nobody.
      if (waited === 0) return;
      const sketch = cell.starts.get(start) ?? newSketch();
      cell.starts.set(start, sketch);
      addValue(sketch, waited);
    },
    count(of, metric, value, { unit = "Count", dimensions = [] } = {}) {
      totals.count(of, metric, value);
      const now = clock();
      metrics.put(
        seriesOf(of, lambdaNamespace, metric, [...dimensions, ...named(of.name)].sort(order), unit),
        now,
        value,
      );
    },
    totals,
  };
}

function seriesOf(
  { account, region }: Pick<FunctionVersion, "account" | "region">,
  namespace: string,
  name: string,
  dimensions: readonly Dimension[],
  unit: string,
): Series {
  return { account, region, namespace, name, dimensions, unit };
}

const order = (one: Dimension, other: Dimension): number => (one.name < other.name ? -1 : 1);
const named = (value: string): Dimension[] => [{ name: "FunctionName", value }];
const resource = (name: string, qualifier: string | undefined): Dimension[] => [
  ...named(name),
  { name: "Resource", value: qualifier === undefined ? name : `${name}:${qualifier}` },
];

/**
 * Nothing (all functions), the function, what it was called by, and of an alias the version behind it. Source: Developer
 * Guide, "Viewing metrics for Lambda functions".
 */
function dimensionsOf({ target, invokedArn }: Cell): Dimension[][] {
  const qualifier = invokedArn.split(":")[7];
  const { name, version } = target;
  const sets = [[], named(name), resource(name, qualifier)];
  const isAlias = qualifier !== undefined && qualifier !== version && !qualifier.startsWith("$");
  if (!isAlias) return sets;
  return [...sets, [{ name: "ExecutedVersion", value: version }, ...resource(name, qualifier)]];
}

/** So many values, of which some are 1 and all others 0: their average is a rate. */
function ones(count: number, some: number): Sketch {
  const sketch = newSketch();
  if (some > 0) addValue(sketch, 1, some);
  if (count > some) addValue(sketch, 0, count - some);
  return sketch;
}

/** As far as it is known, of a gauge. */
function capped({ count, sum, min, max }: Sketch, most: number): Sketch {
  const sketch = newSketch();
  addSet(sketch, { count, sum: Math.min(sum, count * most), min: Math.min(min, most), max: Math.min(max, most) });
  return sketch;
}

function raised({ count, sum, min, max }: Sketch, by: number): Sketch {
  const sketch = newSketch();
  addSet(sketch, { count, sum: sum + count * by, min: min + by, max: max + by });
  return sketch;
}

function scaled({ count, sum, min, max }: Sketch, factor: number): Sketch {
  const sketch = newSketch();
  addSet(sketch, { count, sum: sum * factor, min: min * factor, max: max * factor });
  return sketch;
}
