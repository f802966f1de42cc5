import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { sharedTrouble, snapshotTerms } from "./snapshot-policy.ts";

const version = (changes: Partial<FunctionVersion> = {}) =>
  ({ environment: {}, snapStart: false, ...changes }) as FunctionVersion;
const allowed = (consents: boolean) => ({ allowed: true, consents });

test("by default every version may be copied, and only those whose owner asked for it answer for what is shared", () => {
  assert.deepEqual(snapshotTerms(version(), "auto"), allowed(false));
  assert.deepEqual(snapshotTerms(version({ snapStart: true }), "auto"), allowed(true));
  assert.deepEqual(snapshotTerms(version(), "all"), allowed(true));
});

test("snapstart leaves out what has no SnapStart, off leaves out everything", () => {
  assert.equal(snapshotTerms(version(), "snapstart").allowed, false);
  assert.deepEqual(snapshotTerms(version({ snapStart: true }), "snapstart"), allowed(true));
  assert.equal(snapshotTerms(version({ snapStart: true }), "off").allowed, false);
});

test("the function's own variable goes before the platform's policy", () => {
  const on = version({ environment: { THAW_SNAPSHOT: "on" } });
  const off = version({ environment: { THAW_SNAPSHOT: "off" }, snapStart: true });
  assert.deepEqual(snapshotTerms(on, "off"), allowed(true));
  assert.equal(snapshotTerms(off, "all").allowed, false);
});

test("random numbers, open connections and a runtime that keeps silent about them are trouble", () => {
  assert.equal(sharedTrouble({ drew: false, sockets: 0 }), undefined);
  assert.match(sharedTrouble({ drew: true, sockets: 0 })!, /random/);
  assert.match(sharedTrouble({ drew: undefined, sockets: 0 })!, /does not say/);
  assert.match(sharedTrouble({ drew: false, sockets: 2 })!, /2 connections/);
});
