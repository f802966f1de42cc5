import { type Expression, MathError } from "./math-parse.ts";

/** Values by time (ms since the epoch). */
export interface TimeSeries {
  readonly label: string;
  /** seconds */
  readonly period: number;
  readonly values: ReadonlyMap<number, number>;
}

export type Value = number | string | TimeSeries | readonly TimeSeries[];

/** What an expression may ask for. Throws MathError. */
export interface Surroundings {
  /** another query's result, by its id */
  value(id: string): Value;
  /** results of all queries for metrics; with a text: whose ids contain it */
  metrics(containing?: string): readonly TimeSeries[];
  search(query: string, statistic: string, period: number | undefined): readonly TimeSeries[];
  /** moments (ms since the epoch) at which periods of so many seconds begin, oldest first */
  grid(period: number): readonly number[];
}

/** Throws MathError. */
export function evaluateMath(expression: Expression, around: Surroundings): Value {
  switch (expression.kind) {
    case "number":
    case "text":
      return expression.value;
    case "name":
      return around.value(expression.name);
    case "list":
      return expression.items.flatMap((item) => seriesOf(evaluateMath(item, around)));
    case "negative":
      return map(evaluateMath(expression.of, around), (value) => -value);
    case "binary":
      return binary(expression.operator, evaluateMath(expression.left, around), evaluateMath(expression.right, around));
    case "call":
      return call(expression.name, expression.args, around);
  }
}

const isSeries = (value: Value): value is TimeSeries =>
  typeof value === "object" && "values" in value && !Array.isArray(value);

function seriesOf(value: Value): readonly TimeSeries[] {
  if (typeof value === "number" || typeof value === "string") throw new MathError("A time series is expected");
  return isSeries(value) ? [value] : value;
}

/** Of one series. */
function single(value: Value): TimeSeries {
  const all = seriesOf(value);
  if (all.length !== 1) throw new MathError("One time series is expected");
  return all[0]!;
}

function map(value: Value, each: (value: number) => number): Value {
  if (typeof value === "number") return each(value);
  if (typeof value === "string") throw new MathError("A number is expected");
  const one = (series: TimeSeries): TimeSeries => mapped(series, (number) => each(number));
  return isSeries(value) ? one(value) : value.map(one);
}

/** What is no number is no data point. */
function mapped(series: TimeSeries, each: (value: number, at: number) => number | undefined): TimeSeries {
  const values = new Map<number, number>();
  for (const [at, value] of series.values) {
    const result = each(value, at);
    if (result !== undefined && Number.isFinite(result)) values.set(at, result);
  }
  return { ...series, values };
}

const truth = (value: boolean): number => (value ? 1 : 0);

const operators: Readonly<Record<string, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "^": (left, right) => left ** right,
  "<": (left, right) => truth(left < right),
  "<=": (left, right) => truth(left <= right),
  ">": (left, right) => truth(left > right),
  ">=": (left, right) => truth(left >= right),
  "==": (left, right) => truth(left === right),
  "!=": (left, right) => truth(left !== right),
  "&&": (left, right) => truth(left !== 0 && right !== 0),
  AND: (left, right) => truth(left !== 0 && right !== 0),
  "||": (left, right) => truth(left !== 0 || right !== 0),
  OR: (left, right) => truth(left !== 0 || right !== 0),
};

/** Of two series, where both have a value. */
function binary(operator: string, left: Value, right: Value): Value {
  const of = operators[operator]!;
  if (typeof left === "string" || typeof right === "string") throw new MathError("A number is expected");
  if (typeof left === "number") return map(right, (value) => of(left, value));
  if (typeof right === "number") return map(left, (value) => of(value, right));
  const both = (one: TimeSeries, other: TimeSeries) =>
    mapped(one, (value, at) => {
      const second = other.values.get(at);
      return second === undefined ? undefined : of(value, second);
    });
  if (isSeries(left)) return isSeries(right) ? both(left, right) : right.map((one) => both(left, one));
  if (isSeries(right)) return left.map((one) => both(one, right));
  if (left.length !== right.length) throw new MathError("Two lists of time series must be of the same length");
  return left.map((one, at) => both(one, right[at]!));
}

type Fn = (args: readonly Value[], around: Surroundings) => Value;

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const averageOf = (values: readonly number[]): number => sumOf(values) / values.length;
const deviationOf = (values: readonly number[]): number => {
  const mean = averageOf(values);
  return Math.sqrt(averageOf(values.map((value) => (value - mean) ** 2)));
};

/** Of one series: a number; of several: a series of what all have at a time. */
const aggregate =
  (of: (values: readonly number[]) => number): Fn =>
  ([value = []]) => {
    if (typeof value === "number") return of([value]);
    if (typeof value === "object" && isSeries(value)) {
      return value.values.size === 0 ? 0 : of([...value.values.values()]);
    }
    const all = seriesOf(value);
    const moments = [...new Set(all.flatMap((one) => [...one.values.keys()]))].sort((one, other) => one - other);
    const values = moments.map((at): [number, number] => [
      at,
      of(all.map((one) => one.values.get(at)).filter((one) => one !== undefined)),
    ]);
    return { label: "", period: Math.max(60, ...all.map(({ period }) => period)), values: new Map(values) };
  };

const each =
  (of: (value: number) => number): Fn =>
  ([value = 0]) =>
    map(value, of);

/** From each value and the one before it. */
const steps =
  (of: (now: number, before: number, seconds: number) => number): Fn =>
  ([value = []]) => {
    const one = (series: TimeSeries): TimeSeries => {
      const points = [...series.values];
      const values = points
        .slice(1)
        .map(([at, now], index): [number, number] => [at, of(now, points[index]![1], (at - points[index]![0]) / 1e3)]);
      return { ...series, values: new Map(values) };
    };
    return typeof value === "object" && isSeries(value) ? one(value) : seriesOf(value).map(one);
  };

const functions: Readonly<Record<string, Fn>> = {
  ABS: each(Math.abs),
  CEIL: each(Math.ceil),
  FLOOR: each(Math.floor),
  LOG: each(Math.log),
  LOG10: each(Math.log10),
  SUM: aggregate(sumOf),
  AVG: aggregate(averageOf),
  MIN: aggregate((values) => Math.min(...values)),
  MAX: aggregate((values) => Math.max(...values)),
  STDDEV: aggregate(deviationOf),
  RATE: steps((now, before, seconds) => (now - before) / seconds),
  DIFF: steps((now, before) => now - before),
  DIFF_TIME: steps((_now, _before, seconds) => seconds),
  PERIOD: ([value = []]) => single(value).period,
  METRIC_COUNT: ([value = []]) => seriesOf(value).length,
  DATAPOINT_COUNT: ([value = []]) => single(value).values.size,
  FIRST: ([value = []]) => seriesOf(value)[0] ?? [],
  LAST: ([value = []]) => seriesOf(value).at(-1) ?? [],
  REMOVE_EMPTY: ([value = []]) => seriesOf(value).filter(({ values }) => values.size > 0),
  RUNNING_SUM: ([value = []]) => {
    let sum = 0;
    return mapped(single(value), (next) => {
      sum += next;
      return sum;
    });
  },
  TIME_SERIES: ([value = 0], { grid }) => {
    if (typeof value !== "number") throw new MathError("TIME_SERIES expects a number");
    return { label: "", period: 60, values: new Map(grid(60).map((at) => [at, value])) };
  },
  METRICS: ([containing], { metrics }) => metrics(typeof containing === "string" ? containing : undefined),
  SEARCH: ([query, statistic, period], { search }) => {
    if (typeof query !== "string" || typeof statistic !== "string") {
      throw new MathError("SEARCH expects two texts and a period");
    }
    return search(query, statistic, typeof period === "number" ? period : undefined);
  },
};

function call(name: string, args: readonly Expression[], around: Surroundings): Value {
  if (name === "FILL") return fill(args, around);
  const values = () => args.map((arg) => evaluateMath(arg, around));
  if (name === "IF") return choose(values());
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found === undefined) throw new MathError(`Unsupported function ${name}`);
  return found(values(), around);
}

function choose([condition, then, otherwise]: readonly Value[]): Value {
  if (condition === undefined || then === undefined) throw new MathError("IF expects two or three arguments");
  const at = (value: Value | undefined, moment: number): number | undefined => {
    if (value === undefined || typeof value === "number") return value;
    return single(value).values.get(moment);
  };
  if (typeof condition === "number") return condition !== 0 ? then : (otherwise ?? []);
  return mapped(single(condition), (value, moment) => at(value !== 0 ? then : otherwise, moment));
}

function fill([of, by]: readonly Expression[], around: Surroundings): Value {
  if (of === undefined || by === undefined) throw new MathError("FILL expects two arguments");
  const how = by.kind === "name" ? by.name.toUpperCase() : evaluateMath(by, around);
  if (typeof how !== "number" && how !== "REPEAT" && how !== "LINEAR") {
    throw new MathError("FILL expects a number, REPEAT or LINEAR");
  }
  const one = (series: TimeSeries): TimeSeries => {
    const known = [...series.values];
    const values = new Map<number, number>();
    for (const at of around.grid(series.period)) {
      const value = series.values.get(at) ?? (typeof how === "number" ? how : between(known, at, how === "LINEAR"));
      if (value !== undefined) values.set(at, value);
    }
    return { ...series, values };
  };
  const value = evaluateMath(of, around);
  return typeof value === "object" && isSeries(value) ? one(value) : seriesOf(value).map(one);
}

function between(known: readonly [number, number][], at: number, linear: boolean): number | undefined {
  const before = known.findLast(([moment]) => moment < at);
  const after = known.find(([moment]) => moment > at);
  if (!linear || before === undefined || after === undefined) return before?.[1];
  return before[1] + ((after[1] - before[1]) * (at - before[0])) / (after[0] - before[0]);
}
