import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { probeDrivers } from "../../src/isolation/index.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { until } from "./traces.ts";

const container = (await probeDrivers()).find(({ driver }) => driver === "container")!;
const skip = !container.usable && container.reason;
const source = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/bad/python", name));

describe("what a function sees and may do", { skip }, () => {
  let platform: Platform;
  // biome-ignore lint/suspicious/noExplicitAny: what tests/fixtures/bad/python/looks_around.py answers
  let seen: any;
  const secrets = mkdtempSync(join(tmpdir(), "thaw-secrets-"));
  const listener = createServer();
  const homeFiles = readdirSync(homedir())
    .map((name) => join(homedir(), name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  let hidden: string[];

  before(async () => {
    platform = await startPlatform();
    const { client, server } = platform;
    writeFileSync(join(secrets, "secret"), "for all users of the machine", { mode: 0o644 });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    const data = server.dataDir;
    hidden = [
      join(secrets, "secret"),
      data,
      join(data, "registry.sqlite"),
      join(data, "unpacked"),
      join(data, "blobs"),
      join(data, "logs"),
      join(data, "run", "agent.sock"),
      join(import.meta.dirname, "client.ts"),
      "/etc/shadow",
      "/proc/1/environ",
      "/sys/fs/cgroup",
      ...homeFiles,
    ];
    const code = [{ name: "looks_around.py", data: source("looks_around.py") }];
    const settings = { runtime: await client.python(), handler: "looks_around.handler", memory: 512, timeout: 30 };
    await client.deploy("looks-around", code, settings);
    const connect = [
      ["127.0.0.1", port],
      ["127.0.0.1", server.port],
      ["192.0.2.1", 80],
    ];
    const answer = await client.invoke("looks-around", { read: hidden, connect });
    assert.equal(answer.functionError, undefined, answer.text);
    seen = answer.body;
  });
  after(async () => {
    listener.close();
    rmSync(secrets, { recursive: true });
    await platform.nothingLeft("looks-around");
    await platform[Symbol.asyncDispose]();
  });

  test("it is an ordinary user without a capability, without new privileges, behind a filter", () => {
    assert.ok([...seen.uid, ...seen.gid].every((id: number) => id > 0));
    assert.ok(!seen.groups.includes(0), seen.groups);
    const none = "0000000000000000";
    assert.deepEqual(seen.status, {
      CapInh: none,
      CapPrm: none,
      CapEff: none,
      CapBnd: none,
      CapAmb: none,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("none of its namespaces is the machine's", () => {
    for (const [kind, inside] of Object.entries(seen.namespaces)) {
      assert.notEqual(inside, readlinkSync(`/proc/self/ns/${kind}`), kind);
    }
    assert.notEqual(seen.hostname, hostname());
  });

  test("it sees its own processes and the agent, whose memory and files are closed to it", () => {
    assert.ok(seen.pids.length <= 3, seen.pids.join());
    assert.deepEqual(seen.agent, ["EACCES", "EACCES", "EACCES"]);
  });

  test("it can write to its own /tmp and shared memory, and nowhere else", () => {
    assert.deepEqual(seen.writable, ["/tmp", "/dev/shm"]);
  });

  test("it cannot read the platform's data, other functions' code, or anybody's files", () => {
    for (const path of hidden) assert.match(seen.read[path], /^(ENOENT|EACCES)$/, path);
  });

  test("the machine's loopback services are out of reach; the platform's endpoint is not", () => {
    assert.deepEqual(seen.connect, ["ECONNREFUSED", "done", "ENETUNREACH"]);
  });

  test("system calls that reach for the kernel or other processes are refused", () => {
    for (const [name, result] of Object.entries(seen.calls)) assert.match(String(result), /^(EPERM|ENOSYS)$/, name);
  });

  test("it cannot become root, not even by a set-user-ID program, nor end the agent", () => {
    // EINVAL: there is no such user in its namespace
    for (const result of seen.become_root) assert.match(result, /^(EPERM|EINVAL)$/);
    assert.ok(!seen.set_user_id_program.includes("0"), seen.set_user_id_program.join());
    assert.match(seen.kill_first, /^(EPERM|done)$/);
  });

  test("it may open 1,024 files and dumps no core", () => {
    assert.deepEqual(seen.files, [1024, 1024]);
    assert.equal(seen.opened[1], "EMFILE");
    assert.ok(seen.opened[0] < 1024 && seen.opened[0] > 900, seen.opened[0]);
    assert.deepEqual(seen.core, [0, 0]);
  });

  test("its environment holds nothing of the platform's own", () => {
    for (const name of Object.keys(process.env)) {
      if (/^(npm_|NODE_|OLDPWD|SHLVL|SSH|USER|LOGNAME|MAIL)/.test(name) && seen.environment[name] !== undefined) {
        assert.notEqual(seen.environment[name], process.env[name], name);
      }
    }
    assert.ok(!("THAW_TOKEN" in seen.environment));
  });
});

describe("limits that hold", { skip }, () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  test("CPU follows the memory size, from the first invocation on", async () => {
    const { client } = platform;
    const code = `exports.handler = async () => {
      const began = process.hrtime.bigint(), used = process.cpuUsage();
      while (process.hrtime.bigint() - began < 1_000_000_000n);
      const { user, system } = process.cpuUsage(used);
      return (user + system) / 1e6;
    };`;
    await client.deploy("burns-128", code, { memory: 128, timeout: 30 });
    await client.deploy("burns-885", code, { memory: 885, timeout: 30 });
    for (let call = 0; call < 2; call++) {
      const small = (await client.invoke("burns-128")).body;
      // A copy has the CPUs that an init is lent for up to 100 ms of its first event.
      assert.ok(small > 0.02 && small < 2 * (128 / 1769) + 0.1, `128 MB: ${small} CPUs`);
    }
    const half = (await client.invoke("burns-885")).body;
    assert.ok(half < 0.6 + 0.1, `885 MB: ${half} CPUs`);
    await platform.nothingLeft("burns-128", "burns-885");
  });

  test("/tmp is private to an environment and stays between its calls", async () => {
    const { client } = platform;
    const code = `const fs = require("fs");
      exports.handler = async ({ name }) => {
        for (const dir of ["/tmp/", "/dev/shm/"]) if (name) fs.writeFileSync(dir + name, "x");
        await new Promise((resolve) => setTimeout(resolve, 300));
        return [...fs.readdirSync("/tmp"), ...fs.readdirSync("/dev/shm")];
      };`;
    await client.deploy("notes", code);
    const answers = await Promise.all(["a", "b", "c"].map((name) => client.invoke("notes", { name })));
    assert.deepEqual(
      answers.map(({ body }) => body),
      ["a", "b", "c"].map((name) => [name, name]),
    );
    assert.equal((await client.invoke("notes")).body.length, 2);
    await platform.nothingLeft("notes");
  });

  test("between invocations a function gets no CPU", async () => {
    const { client } = platform;
    const code = `let ticks = 0; setInterval(() => ticks++, 5);
      exports.handler = async () => { const seen = ticks; ticks = 0; return seen; };`;
    await client.deploy("ticks", code);
    await client.invoke("ticks");
    await until(
      () => client.environments(),
      (rows) => rows.some((row) => row.function === "ticks" && row.state === "frozen"),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { body } = await client.invoke("ticks");
    assert.ok(body < 30, `${body} ticks of 5 ms in 500 ms of idleness`);
    await platform.nothingLeft("ticks");
  });
});
