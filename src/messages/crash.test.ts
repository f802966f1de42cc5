import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createMessages } from "./messages.ts";
import { place } from "./testing.ts";

/** How often the process is killed: THAW_TEST_KILLS, or three times. */
const kills = Number(process.env.THAW_TEST_KILLS ?? 3);

/** After all that the killed processes had taken is visible again. */
const later = () => Date.now() + 700_000;

/** Sends and deletes as fast as it can, and says what was acknowledged: `+ body`, `- body`; `~ body`: it is about to be deleted. */
const worker = `
  import { createMessages } from ${JSON.stringify(join(import.meta.dirname, "messages.ts"))};
  const never = () => Promise.reject(new Error("nobody"));
  const { queues } = createMessages({ path: process.argv[1], clock: Date.now, schedule: () => () => {}, endpoint: () => "",
    toFunction: never, toUrl: never, note() {}, report(error) { throw error; } });
  const place = { account: "000000000000", region: "us-east-1" };
  const queue = await queues.create(place, "q.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" }, {});
  let next = 0;
  const say = (sign, bodies) => process.stdout.write(bodies.map((body) => sign + " " + body + "\\n").join(""));
  async function send(group) {
    for (;;) {
      const bodies = Array.from({ length: 10 }, () => process.pid + "-" + group + "-" + (next += 1));
      const results = await queues.send(queue, bodies.map((body) => ({ body, group })), "me");
      if (results.every(({ ok }) => ok)) say("+", bodies);
    }
  }
  async function receive() {
    for (;;) {
      const got = await queues.receive(queue, { want: 10, visibilityMs: 600000, waitMs: 0 });
      if (got.length === 0) await new Promise(setImmediate);
      say("~", got.map(({ body }) => body));
      const results = await queues.delete(queue, got.map(({ handle }) => handle));
      if (results.every(({ ok }) => ok)) say("-", got.map(({ body }) => body));
    }
  }
  for (const group of ["a", "b", "c", "d"]) send(group);
  receive();
`;

test("what was sent and acknowledged is there after a kill, in order, and what was deleted is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-messages-"));
  const path = join(folder, "messages.sqlite");
  const sent: string[] = [];
  const deleting = new Set<string>();
  const deleted = new Set<string>();
  try {
    for (let round = 0; round < kills; round += 1) {
      const child = spawn(process.execPath, ["--input-type=module", "--eval", worker, path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const enough = sent.length + 300 + 200 * round;
      createInterface({ input: child.stdout! }).on("line", (line) => {
        if (line.startsWith("+ ")) sent.push(line.slice(2));
        else (line.startsWith("~ ") ? deleting : deleted).add(line.slice(2));
        if (sent.length >= enough) child.kill("SIGKILL");
      });
      await once(child, "close");
      assert.equal(child.signalCode, "SIGKILL");
      assert.ok(sent.length >= enough);
    }
    const messages = createMessages({
      path,
      clock: later,
      schedule: () => () => {},
      endpoint: () => "",
      toFunction: () => Promise.reject(new Error("nobody")),
      toUrl: () => Promise.reject(new Error("nobody")),
      note() {},
      report(error) {
        throw error;
      },
    });
    const queue = messages.queues.get(place, "q.fifo");
    const { visible } = messages.queues.counts(queue);
    const left: string[] = [];
    for (;;) {
      const got = await messages.queues.receive(queue, { want: 10, visibilityMs: 600_000, waitMs: 0 });
      if (got.length === 0) break;
      left.push(...got.map(({ body }) => body));
      await messages.queues.delete(
        queue,
        got.map(({ handle }) => handle),
      );
    }
    messages.close();
    assert.equal(left.length, visible);
    const there = new Set(left);
    assert.equal(there.size, left.length);
    assert.deepEqual(
      sent.filter((body) => !there.has(body) && !deleting.has(body)),
      [],
    );
    assert.deepEqual(
      left.filter((body) => deleted.has(body)),
      [],
    );
    for (const group of ["a", "b", "c", "d"]) {
      const isOfGroup = (body: string) => body.includes(`-${group}-`);
      const acknowledged = new Set(sent);
      assert.deepEqual(
        left.filter((body) => isOfGroup(body) && acknowledged.has(body)),
        sent.filter((body) => isOfGroup(body) && there.has(body)),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
