import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { throughput } from "../../bench/harness/closed-loop.ts";
import { answers, startChild } from "../../bench/harness/processes.ts";
import { httpEcho, ofWatchdog, type Peer, reasonOf, runtimeInterfaceEmulator } from "../../bench/peers/index.ts";
import { startPeers } from "../../bench/workloads/side-by-side.ts";

const scratch = mkdtempSync(join(tmpdir(), "thaw-test-peers-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A program of tests/bench/stand-ins as the executable file that a user would name. */
function standIn(name: string): string {
  const path = join(scratch, name);
  const script = join(import.meta.dirname, "stand-ins", `${name}.mjs`);
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

async function startedAlone(peer: Peer): Promise<Awaited<ReturnType<typeof startPeers>>> {
  const running = await startPeers([peer], () => undefined);
  assert.deepEqual(running.missing, []);
  assert.deepEqual(running.peers, [peer]);
  return running;
}

test("a Runtime Interface Emulator that the user names is started, answers on one connection, and ends", async () => {
  const peer = runtimeInterfaceEmulator(standIn("rie"));
  const running = await startedAlone(peer);
  const url = peer.url();
  try {
    assert.match(peer.version, /rie, as THAW_BENCH_RIE says$/);
    assert.equal(peer.connections, 1);
    assert.ok((await throughput(url, peer.connections, 1)) > 0);
  } finally {
    await running.stop();
  }
  assert.equal(await answers(url), false);
});

test("an of-watchdog that the user names is started in front of its handler, and both end", async () => {
  const peer = ofWatchdog(standIn("of-watchdog"));
  const running = await startedAlone(peer);
  const url = peer.url();
  try {
    assert.ok((await throughput(url, 4, 1)) > 0);
  } finally {
    await running.stop();
  }
  assert.equal(await answers(url), false);
});

test("a peer that cannot be started is named with its reason, and the others run", async () => {
  const running = await startPeers([runtimeInterfaceEmulator("/nowhere/rie"), httpEcho()], () => undefined);
  await running.stop();
  assert.deepEqual(
    running.peers.map(({ name }) => name),
    ["node:http echo"],
  );
  assert.equal(running.missing.length, 1);
  assert.match(running.missing[0]!.name, /^Runtime Interface Emulator/);
  assert.match(running.missing[0]!.reason, /nowhere/);
});

test("a peer that answers something else than the event does not count", async () => {
  const script = `require("node:http").createServer((req, res) => res.end("ok")).listen(0, "127.0.0.1",
    function () { console.log("port " + this.address().port); })`;
  const child = await startChild([process.execPath, "-e", script], (output) => /port \d+/.test(output));
  const url = new URL(`http://127.0.0.1:${/\d+/.exec(child.output())![0]}/`);
  const lazy: Peer = {
    name: "lazy",
    version: "1",
    connections: 1,
    available: async () => undefined,
    start: async () => undefined,
    url: () => url,
    stop: child.stop,
  };
  const running = await startPeers([lazy], () => undefined);
  assert.deepEqual(running.peers, []);
  assert.match(running.missing[0]!.reason, /it answered 200 ok/);
  assert.equal(await answers(url), false);
});

test("a reason is the telling line of an error, without addresses", () => {
  const error = new Error(
    "Command failed: go build\ngo: module@v1: reading https://proxy.invalid/module.zip: 403 Forbidden\n",
  );
  assert.equal(reasonOf(error), "go: module@v1: 403 Forbidden");
  assert.equal(reasonOf(new Error("one\ntwo")), "one");
});
