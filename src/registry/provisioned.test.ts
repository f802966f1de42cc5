import assert from "node:assert/strict";
import { test } from "node:test";
import { type Provisioning, versionsBehind, wantedOf } from "./provisioned.ts";
import type { AliasRecord } from "./records.ts";

const alias = (name: string, version: string, weights?: Record<string, number>): [string, AliasRecord] => [
  name,
  { name, version, description: "", revisionId: "r", ...(weights === undefined ? {} : { weights }) },
];

const provisioning = (
  aliases: readonly [string, AliasRecord][],
  executions: Readonly<Record<string, number>>,
): Provisioning => ({
  aliases: new Map(aliases),
  provisioned: new Map(
    Object.entries(executions).map(([qualifier, count]) => [
      qualifier,
      { qualifier, executions: count, lastModified: "now" },
    ]),
  ),
});

test("what is asked for a version and what is asked for an alias are that version's", () => {
  const entry = provisioning([alias("live", "2")], { 1: 3, live: 5 });
  assert.deepEqual(
    [...wantedOf(entry)],
    [
      ["1", 3],
      ["2", 5],
    ],
  );
});

test("a weighted alias divides what it has, whatever the weight, and neither gains nor loses by it", () => {
  for (const weight of [0, 0.1, 0.33, 0.5, 0.999, 1]) {
    for (const executions of [1, 2, 3, 10, 101]) {
      const wanted = wantedOf(provisioning([alias("live", "2", { 1: weight })], { live: executions }));
      const share = wanted.get("1") ?? 0;
      assert.equal(share + (wanted.get("2") ?? 0), executions);
      assert.ok(Math.abs(share - executions * weight) <= 0.5);
      assert.ok([...wanted.values()].every((count) => count > 0));
    }
  }
});

test("an alias leads to its primary version first", () => {
  const { aliases } = provisioning([alias("live", "2", { 1: 0.5 })], {});
  assert.deepEqual(versionsBehind({ aliases }, "live"), ["2", "1"]);
  assert.deepEqual(versionsBehind({ aliases }, "7"), ["7"]);
});
