import assert from "node:assert/strict";
import { test } from "node:test";
import { CborError, decodeCbor, encodeCbor } from "./cbor.ts";
import { evaluateMath, type TimeSeries, type Value } from "./math.ts";
import { MathError, parseMath } from "./math-parse.ts";

const series = (label: string, values: readonly (readonly [number, number])[]): TimeSeries => ({
  label,
  period: 60,
  values: new Map(values.map(([minute, value]) => [minute * 60_000, value])),
});
const known: Readonly<Record<string, TimeSeries>> = {
  a: series("a", [
    [0, 1],
    [1, 4],
    [3, 10],
  ]),
  b: series("b", [
    [0, 2],
    [1, 0],
    [2, 5],
    [3, 5],
  ]),
};

const evaluate = (text: string): Value =>
  evaluateMath(parseMath(text), {
    value(id) {
      const found = known[id];
      if (found === undefined) throw new MathError(`Unknown identifier ${id}`);
      return found;
    },
    metrics: () => Object.values(known),
    search: () => [],
    grid: (period) => [0, 1, 2, 3].map((at) => at * period * 1e3),
  });

function shown(text: string): unknown {
  const value = evaluate(text);
  if (typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries([...(value as TimeSeries).values].map(([at, one]) => [at / 60_000, one]));
}

for (const [text, wanted] of [
  ["1 + 2 * 3 ^ 2 / 2 - -4", 14],
  ["2 ^ 3 ^ 2", 512],
  ["(1 + 2) * 3 >= 9 AND NOTHING", undefined],
  ["a + b", { 0: 3, 1: 4, 3: 15 }],
  ["100 * a / b", { 0: 50, 3: 200 }],
  ["SUM(a)", 15],
  ["SUM([a, b])", { 0: 3, 1: 4, 2: 5, 3: 15 }],
  ["MAX(METRICS())", { 0: 2, 1: 4, 2: 5, 3: 10 }],
  ["FILL(a, 0)", { 0: 1, 1: 4, 2: 0, 3: 10 }],
  ["FILL(a, REPEAT)", { 0: 1, 1: 4, 2: 4, 3: 10 }],
  ["FILL(a, LINEAR)", { 0: 1, 1: 4, 2: 7, 3: 10 }],
  ["RATE(a)", { 1: 0.05, 3: 0.05 }],
  ["DIFF(a)", { 1: 3, 3: 6 }],
  ["IF(b > 1, a, 0)", { 0: 1, 1: 0, 3: 10 }],
  ["RUNNING_SUM(a)", { 0: 1, 1: 5, 3: 15 }],
  ["AVG(a) > 4 || a > 100", { 0: 1, 1: 1, 3: 1 }],
] as const) {
  test(`metric math: ${text}`, () => {
    if (wanted === undefined) assert.throws(() => evaluate(text), MathError);
    else assert.deepEqual(shown(text), wanted);
  });
}

test("CBOR comes back as it went, and what is cut off or nonsense is refused", () => {
  const document = { a: [1, -1, 300, 70_000, 1.5, "é", true, false, null], b: { c: "x".repeat(300) }, d: 2 ** 53 };
  const bytes = encodeCbor(document);
  assert.deepEqual(decodeCbor(bytes), document);
  assert.equal(decodeCbor(encodeCbor(new Date(1500))), 1.5);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeCbor(bytes.subarray(0, length)), CborError);
  }
  // RFC 8949, appendix A: of unknown length, and a half.
  assert.deepEqual(decodeCbor(Buffer.from("bf6346756ef563416d7421ff", "hex")), { Fun: true, Amt: -2 });
  assert.equal(decodeCbor(Buffer.from("f93c00", "hex")), 1);
  for (const wrong of ["ff", "9bffffffffffffffff", "a101", "5f01ff", "1f", `${"81".repeat(100)}00`]) {
    assert.throws(() => decodeCbor(Buffer.from(wrong, "hex")), CborError, wrong);
  }
});
