import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../tests/e2e/streams.ts";
import type { MappingRecord } from "../registry/index.ts";
import { createLife, type LifeNeeds } from "./life.ts";
import type { SourceNeeds } from "./source.ts";

const mapping = (more: Partial<MappingRecord> = {}): MappingRecord => ({
  account: "000000000000",
  region: "us-east-1",
  name: "us-east-1 1",
  uuid: "1",
  source: "sqs",
  functionName: "f",
  enabled: true,
  lastModified: 0,
  settings: {},
  tags: {},
  ...more,
});

/** A reader that says when it runs, and ends when it is let. */
function house() {
  const log: string[] = [];
  const reports: unknown[] = [];
  let hold: Promise<void> | undefined;
  let fail = 0;
  let told: SourceNeeds | undefined;
  const needs: LifeNeeds = {
    load: async () => async (given, signal) => {
      told = given;
      if (fail-- > 0) throw new Error("ours");
      log.push(`begins ${given.mapping.functionName}`);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await hold;
      log.push(`ends ${given.mapping.functionName}`);
    },
    needsOf: (of) => ({ mapping: of }) as ReturnType<LifeNeeds["needsOf"]>,
    report: (error) => reports.push(error),
  };
  return {
    needs,
    log,
    reports,
    told: () => told!,
    failing(times: number) {
      fail = times;
    },
    held(until: Promise<void>) {
      hold = until;
    },
  };
}

test("a new mapping is created, and enabled once it is read", async () => {
  const { needs, log } = house();
  const life = createLife(mapping(), true, needs);
  assert.equal(life.status().state, "Creating");
  await until(() => life.status().state === "Enabled");
  const ending = life.end("Deleting");
  assert.equal(life.status().state, "Deleting");
  await ending;
  assert.deepEqual(log, ["begins f", "ends f"]);
});

test("the reader of a changed mapping begins when the one of before has ended", async () => {
  const { needs, log, held } = house();
  const over = Promise.withResolvers<void>();
  held(over.promise);
  const life = createLife(mapping(), false, needs);
  assert.equal(life.status().state, "Enabling");
  await until(() => log.length === 1);
  life.change(mapping({ functionName: "g" }));
  assert.equal(life.status().state, "Updating");
  life.change(mapping({ functionName: "h" }));
  over.resolve();
  await until(() => log.length === 3);
  // The one in between never began.
  assert.deepEqual(log, ["begins f", "ends f", "begins h"]);
  await until(() => life.status().state === "Enabled");
  life.change(mapping({ enabled: false }));
  assert.equal(life.status().state, "Disabling");
  await until(() => life.status().state === "Disabled");
  life.change(mapping({ functionName: "i" }));
  assert.equal(life.status().state, "Enabling");
  await until(() => log.length === 5);
  await life.end("Disabled");
});

test("a reader that fails begins again, and what it is about is told", async () => {
  const { needs, log, failing, reports, told } = house();
  failing(1);
  const life = createLife(mapping(), false, needs);
  await until(() => reports.length === 1);
  assert.match(life.status().reason ?? "", /PROBLEM: ours/);
  await until(() => log.length === 1);
  told().problem(undefined);
  told().result("OK");
  told().count("PolledEventCount", 3);
  assert.deepEqual(life.status(), { state: "Enabled", reason: undefined, lastProcessingResult: "OK" });
  assert.equal(life.counters.counts.PolledEventCount, 3);
  await life.end("Disabled");
});
