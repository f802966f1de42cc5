import assert from "node:assert/strict";
import { test } from "node:test";
import { type AlarmState, judge, type MissingData } from "./alarm-evaluation.ts";

/** As AWS's guide writes them: X breaches, 0 does not, - is missing. */
const points = (text: string) => [...text.replaceAll(" ", "")].map((one) => (one === "-" ? undefined : one === "X"));

const treatments: readonly MissingData[] = ["missing", "ignore", "breaching", "notBreaching"];

for (const [datapointsToAlarm, rows] of [
  [
    3,
    [
      ["0 - X - X", "OK", "OK", "OK", "OK"],
      ["- - - - 0", "OK", "OK", "OK", "OK"],
      ["- - - - -", "INSUFFICIENT_DATA", "kept", "ALARM", "OK"],
      ["0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["- - X - -", "ALARM", "kept", "ALARM", "OK"],
    ],
  ],
  [
    2,
    [
      ["0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["0 - X - -", "OK", "OK", "ALARM", "OK"],
      ["- - - - 0", "OK", "OK", "ALARM", "OK"],
      ["- - - X -", "ALARM", "kept", "ALARM", "OK"],
    ],
  ],
] as const) {
  test(`missing data are treated as the guide's table has it, ${datapointsToAlarm} out of 3`, () => {
    for (const [row, ...wanted] of rows) {
      treatments.forEach((missing, at) => {
        for (const before of ["OK", "ALARM", "INSUFFICIENT_DATA"] as const) {
          const state = judge(points(row), { evaluationPeriods: 3, datapointsToAlarm, missing }, before);
          const expected = wanted[at] === "kept" ? before : wanted[at];
          assert.equal(state, expected, `${row}, ${missing}, before ${before}`);
        }
      });
    }
  });
}

test("without missing data an alarm is M breaching points of the last N, whatever N and M", () => {
  for (let evaluationPeriods = 1; evaluationPeriods <= 6; evaluationPeriods++) {
    for (let bits = 0; bits < 2 ** 8; bits++) {
      const all = Array.from({ length: 8 }, (_, at) => (bits & (1 << at)) !== 0);
      const count = all.slice(-evaluationPeriods).filter(Boolean).length;
      for (let datapointsToAlarm = 1; datapointsToAlarm <= evaluationPeriods; datapointsToAlarm++) {
        for (const missing of treatments) {
          const expected: AlarmState = count >= datapointsToAlarm ? "ALARM" : "OK";
          assert.equal(judge(all, { evaluationPeriods, datapointsToAlarm, missing }, "INSUFFICIENT_DATA"), expected);
        }
      }
    }
  }
});

test("one bad minute is no alarm before it has lasted, when nothing follows it", () => {
  const alarm = { evaluationPeriods: 3, datapointsToAlarm: 3, missing: "missing" } as const;
  assert.equal(judge(points("- - - - X"), alarm, "OK"), "OK");
  assert.equal(judge(points("- - - X -"), alarm, "OK"), "OK");
  assert.equal(judge(points("- - X - -"), alarm, "OK"), "ALARM");
});
