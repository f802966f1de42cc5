import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { test } from "node:test";
import { type Inside, weaknesses } from "../../bench/subject/isolation.ts";

const kinds = ["user", "mnt", "pid", "net", "ipc", "uts"];
const host = Object.fromEntries(kinds.map((kind, i) => [kind, `${kind}:[${i}]`]));
const isolated: Inside = {
  seccomp: 2,
  noNewPrivs: 1,
  uid: 993,
  namespaces: Object.fromEntries(kinds.map((kind, i) => [kind, `${kind}:[${i + 100}]`])),
  rootWritable: false,
};

test("a sandbox with everything has no weakness", () => {
  assert.deepEqual(weaknesses(isolated, host), []);
});

test("each missing wall is named", () => {
  for (const kind of kinds) {
    const shared = { ...isolated, namespaces: { ...isolated.namespaces, [kind]: host[kind]! } };
    assert.deepEqual(weaknesses(shared, host), [`${kind} namespace of the host`]);
    const unknown = { ...isolated, namespaces: { ...isolated.namespaces, [kind]: "" } };
    assert.deepEqual(weaknesses(unknown, host), [`${kind} namespace unknown`]);
  }
  assert.equal(weaknesses({ ...isolated, seccomp: 0 }, host).length, 1);
  assert.equal(weaknesses({ ...isolated, noNewPrivs: 0 }, host).length, 1);
  assert.equal(weaknesses({ ...isolated, uid: 0 }, host).length, 1);
  assert.equal(weaknesses({ ...isolated, rootWritable: true }, host).length, 1);
});

test("a plain process of this machine is not taken for isolated", { skip: process.platform !== "linux" }, () => {
  const namespaces = Object.fromEntries(kinds.map((kind) => [kind, readlinkSync(`/proc/self/ns/${kind}`)]));
  const found = weaknesses({ ...isolated, namespaces });
  assert.equal(found.length, kinds.length);
});
