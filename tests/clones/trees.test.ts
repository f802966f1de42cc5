import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Clones, noImages, startClones } from "./platform.ts";
import { scaled } from "./scale.ts";

/** What CRIU is for: functions of more than one process. `THAW_TEST_CRIU`: path of a CRIU that is not on the PATH. */
const env = { THAW_CRIU: process.env.THAW_TEST_CRIU ?? "on" };
const skip = (await noImages()) || (await noCriu());

/** Why no process tree can be copied here, once the platform knows. */
async function noCriu(): Promise<string | false> {
  await using platform = await startClones({ env });
  for (;;) {
    const { body } = await platform.client.send("GET", "/_thaw/info");
    const { usable, reason } = body.snapshots.trees;
    if (usable) return false;
    if (reason !== "criu is being tried out") return reason;
    await delay(20);
  }
}

const withChild = `
const { spawn } = require("node:child_process"), { once } = require("node:events"), crypto = require("node:crypto");
const cat = spawn("/bin/cat", { stdio: ["pipe", "pipe", "inherit"] });
const began = Date.now();
module.exports.handler = async ({ say }) => {
  cat.stdin.write(say + "\\n");
  const [line] = await once(cat.stdout, "data");
  const key = crypto.generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }).x;
  return { said: String(line).trim(), began, child: cat.pid, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    drawn: [crypto.randomBytes(16).toString("hex"), crypto.randomUUID(), Math.random(), key] };
};`;

describe("functions of several processes are copied with CRIU", { skip }, () => {
  let platform: Clones;
  before(async () => {
    platform = await startClones({ env });
  });
  after(() => platform[Symbol.asyncDispose]());

  const rowOf = async (name: string) => {
    const { body } = await platform.client.send("GET", "/_thaw/environments");
    return body.versions.findLast((one: { function: string }) => one.function === name);
  };
  const images = () => readdirSync(join(platform.server.dataDir, "images")).filter((name) => name.endsWith(".image"));

  test("a child process of init's serves in every copy, all copies are unique, and nothing is left behind", async () => {
    const imagesBefore = images();
    await platform.deploy("parent", withChild);
    assert.equal((await rowOf("parent")).image.by, "criu");
    const count = scaled(8, 200);
    const copies = await platform.clones("parent", count, 2, { say: "hello" });
    for (const { body } of copies) assert.equal(body.said, "hello");
    assert.equal(new Set(copies.map(({ body }) => body.began)).size, 1, "copies of one init");
    assert.equal(new Set(copies.map(({ body }) => body.stream)).size, count);
    assert.equal(new Set(copies.flatMap(({ body }) => body.drawn)).size, 4 * count, "what they draw is their own");
    // frozen and thawed by now, with its child
    await delay(200);
    const again = await platform.call("parent", { say: "again" });
    assert.deepEqual([again.start, again.body.said], ["warm", "again"]);
    const { rungs } = await rowOf("parent");
    assert.equal(rungs.restore.failures, 0);

    const members = (await platform.sandboxes("parent")).flatMap((sandbox) => sandbox.members);
    assert.ok(members.length >= 3, "the agent, the runtime and its child");
    await platform.client.delete("parent");
    for (let n = 0; members.some((pid) => existsSync(`/proc/${pid}`)) || images().length > imagesBefore.length; n++) {
      assert.ok(n < 200, "processes or images are left");
      await delay(20);
    }
  });

  test("the owner has to consent to copies of processes of which nobody knows what they drew", async () => {
    const why = await platform.tryDeploy("unasked", withChild, { environment: { THAW_SNAPSHOT: "" } });
    assert.match(why!, /other processes, which may have drawn random numbers.*THAW_SNAPSHOT=on/);
    await platform.client.delete("unasked");
  });

  test("a shell bootstrap, which has its events over HTTP, is refused and goes on starting plainly", async () => {
    const folder = join(import.meta.dirname, "../fixtures/hello-shell");
    const data = (name: string) => readFileSync(join(folder, name));
    const code = ["bootstrap", "function.sh"].map((name) => ({ name, data: data(name), mode: 0o755 }));
    const why = await platform.tryDeploy("shell", code, { runtime: "provided.al2023", handler: "function.handler" });
    assert.match(why!, /criu copies no runtime that has its events over HTTP/);
    await platform.cool("shell");
    assert.equal((await platform.call("shell")).start, "plain");
    await platform.client.delete("shell");
  });
});
