import { evaluate, type Moment, type Row } from "./evaluate.ts";
import { aggregates } from "./names.ts";
import type { Expression } from "./query.ts";
import { compare, isTrue, numberOf, textOf, type Value } from "./values.ts";

type Call = Extract<Expression, { kind: "call" }>;

/** What one function of stats gives for the rows of a group. */
export interface Aggregate {
  add(row: Row): void;
  value(): Value;
}

/** All functions of stats within an expression: `sum(a) / count(*)` has two. */
export function callsIn(expression: Expression): Call[] {
  switch (expression.kind) {
    case "call":
      return aggregates.has(expression.name) ? [expression] : expression.given.flatMap(callsIn);
    case "binary":
      return [...callsIn(expression.left), ...callsIn(expression.right)];
    case "not":
    case "minus":
    case "matches":
      return callsIn(expression.of);
    case "contains":
      return [...callsIn(expression.of), ...callsIn(expression.part)];
    case "in":
      return [...callsIn(expression.of), ...expression.list.flatMap(callsIn)];
    default:
      return [];
  }
}

/** Values that are no numbers count in count, count_distinct, min, max and those that pick one. */
export function aggregateOf(call: Call, moment: Moment): Aggregate {
  const [first, second] = call.given;
  const read = (row: Row): Value => (first === undefined ? undefined : evaluate(first, row, moment));
  const everyNumber = (add: (number: number) => void, value: () => Value): Aggregate => ({
    add(row) {
      const number = numberOf(read(row));
      if (number !== undefined) add(number);
    },
    value,
  });
  switch (call.name) {
    case "count":
      return counting((row) => first === undefined || first.kind === "all" || isCounted(first, read(row)));
    case "count_distinct": {
      const seen = new Set<string>();
      const add = (row: Row) => {
        const text = textOf(read(row));
        if (text !== undefined) seen.add(text);
      };
      return { add, value: () => seen.size };
    }
    case "sum":
    case "avg":
    case "stddev": {
      let [count, sum, squares] = [0, 0, 0];
      // Welford's: sums of squares lose what large numbers differ by.
      let mean = 0;
      const add = (number: number) => {
        count += 1;
        sum += number;
        const before = number - mean;
        mean += before / count;
        squares += before * (number - mean);
      };
      return everyNumber(add, () => {
        if (count === 0) return undefined;
        if (call.name === "sum") return sum;
        return call.name === "avg" ? sum / count : Math.sqrt(squares / count);
      });
    }
    case "pct":
    case "percentile":
    case "median": {
      const numbers: number[] = [];
      const share = second === undefined ? 50 : numberOf(evaluate(second, { get: () => undefined }, moment));
      return everyNumber(
        (number) => numbers.push(number),
        () => percentile(numbers, share),
      );
    }
    case "min":
    case "sortsfirst":
      return picking(read, (value, best) => compare(value, best) < 0);
    case "max":
    case "sortslast":
      return picking(read, (value, best) => compare(value, best) > 0);
    default:
      return byTime(read, call.name === "latest");
  }
}

/** `count(@duration > 1000)` counts those of which it holds. */
const isCounted = (expression: Expression, value: Value): boolean =>
  value !== undefined && (typeof value !== "boolean" || expression.kind === "field" || isTrue(value));

function counting(counts: (row: Row) => boolean): Aggregate {
  let count = 0;
  return {
    add(row) {
      if (counts(row)) count += 1;
    },
    value: () => count,
  };
}

function picking(read: (row: Row) => Value, isBetter: (value: Value, best: Value) => boolean): Aggregate {
  let best: Value;
  return {
    add(row) {
      const value = read(row);
      if (value !== undefined && (best === undefined || isBetter(value, best))) best = value;
    },
    value: () => best,
  };
}

/** Of the first or last event that has it. */
function byTime(read: (row: Row) => Value, latest: boolean): Aggregate {
  let best: { readonly at: number; readonly value: Value } | undefined;
  return {
    add(row) {
      const value = read(row);
      const at = numberOf(row.get("@timestamp"));
      if (value === undefined || at === undefined) return;
      if (best === undefined || (latest ? at > best.at : at < best.at)) best = { at, value };
    },
    value: () => best?.value,
  };
}

/** The smallest value that so many percent are not above. */
function percentile(numbers: number[], share: number | undefined): Value {
  if (numbers.length === 0 || share === undefined || !(share >= 0 && share <= 100)) return undefined;
  numbers.sort((one, other) => one - other);
  return numbers[Math.max(0, Math.ceil((share / 100) * numbers.length) - 1)];
}
