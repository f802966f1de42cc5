import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { cgroupsOf, descendants, processes } from "../../bench/subject/proc.ts";
import { probeDrivers } from "../../src/isolation/index.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { Client } from "../security/client.ts";
import { launcherOf, mountsAt, until } from "../security/traces.ts";

const shell = `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
while :; do
  head=$(mktemp); curl -s -D $head $api/invocation/next > /dev/null
  id=$(tr -d '\\r' < $head | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  curl -s -o /dev/null -X POST $api/invocation/$id/response -d '"shell"'
done
`;
const slow = "exports.handler = async () => { await new Promise((resolve) => setTimeout(resolve, 20_000)); };";

/** Functions of several runtimes, all answering their own name. */
async function deployAll(client: Client): Promise<void> {
  const python = [{ name: "app.py", data: 'def handler(event, context):\n    return "python"\n' }];
  await client.deploy("node", `exports.handler = async () => "node";`, { timeout: 30 });
  await client.deploy("python", python, { runtime: await client.python(), handler: "app.handler", timeout: 30 });
  const settings = { runtime: "provided.al2023", timeout: 30 };
  await client.deploy("shell", [{ name: "bootstrap", data: shell, mode: 0o100755 }], settings);
  await client.deploy("slow", slow, { timeout: 60 });
}

const names = ["node", "python", "shell"];

/** Many callers, until the platform is gone. Anything but a right answer or a broken connection is reported. */
function load(client: Client): { readonly wrong: string[]; readonly ended: Promise<unknown> } {
  const wrong: string[] = [];
  const call = async (name: string) => {
    try {
      for (;;) {
        const answer = await client.invoke(name);
        if (answer.text !== `"${name}"`) wrong.push(`${name}: ${answer.status} ${answer.text}`);
      }
    } catch {
      // the platform was killed
    }
  };
  const slowCalls = [1, 2].map(() => client.invoke("slow").catch(() => undefined));
  return { wrong, ended: Promise.all([...[...names, ...names].map(call), ...slowCalls]) };
}

/** Creates functions and changes their code without a pause; knows which changes were acknowledged. */
function change(
  client: Client,
  round: number,
): { readonly acknowledged: Map<string, number>; ended: Promise<unknown> } {
  const acknowledged = new Map<string, number>();
  const code = (version: number) => `exports.handler = async () => ${version};`;
  const run = async () => {
    try {
      for (let n = 0; ; n++) {
        const name = `made-${round}-${n}`;
        if ((await client.create(name, code(0))).status === 201) acknowledged.set(name, 0);
        if ((await client.update(name, code(1))).status === 200) acknowledged.set(name, 1);
      }
    } catch {
      // the platform was killed
    }
  };
  return { acknowledged, ended: run() };
}

/** What of a platform must be gone when it is, however it ended. */
function leftOf(pids: readonly number[], launcher: number | undefined, dataDir: string) {
  const running = new Set(processes().map(({ pid, zombie }) => (zombie ? 0 : pid)));
  return {
    processes: pids.filter((pid) => running.has(pid)),
    cgroups: launcher === undefined ? [] : cgroupsOf(launcher),
    mounts: mountsAt(dataDir),
  };
}

async function killAndLook(server: Server): Promise<void> {
  const launcher = launcherOf(server);
  const pids = descendants(server.process.pid!).map(({ pid }) => pid);
  await server.kill();
  await until(
    () => leftOf(pids, launcher, server.dataDir),
    (left) => left.processes.length + left.cgroups.length + left.mounts.length === 0,
    2000,
  );
}

for (const { driver, usable, reason } of await probeDrivers()) {
  const rounds = driver === "container" ? 5 : 1;
  describe(`SIGKILL (${driver})`, { skip: !usable && reason }, () => {
    test(`${rounds} times under load: nothing is left within 2 s, and everything acknowledged serves again`, async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "thaw-chaos-"));
      const start = () => startServer({ dataDir, args: ["--driver", driver] });
      try {
        let server = await start();
        await deployAll(new Client(server.endpoint));
        for (let round = 0; round < rounds; round++) {
          const client = new Client(server.endpoint);
          const calls = load(client);
          const changes = change(client, round);
          await delay(100 + Math.random() * 900);
          await killAndLook(server);
          await Promise.all([calls.ended, changes.ended]);
          assert.deepEqual(calls.wrong, []);

          server = await start();
          const again = new Client(server.endpoint);
          for (const name of names) assert.equal((await again.invoke(name)).text, `"${name}"`);
          const found = await again.functions();
          for (const name of ["node", "python", "shell", "slow", ...changes.acknowledged.keys()]) {
            if (found.length < 50) assert.ok(found.includes(name), `${name} is lost`);
          }
          // The last few are those that a half-made change would be among.
          for (const [name, version] of [...changes.acknowledged].slice(-3)) {
            const { text } = await again.invoke(name);
            assert.ok(text === String(version) || text === String(version + 1), `${name}: ${text}, not ${version}`);
          }
          assert.deepEqual(readdirSync(join(dataDir, "unfinished")), []);
          for (const name of found.filter((name) => name.startsWith("made-"))) await again.delete(name);
        }
        await server.stop();
        assert.ok(!existsSync(join(dataDir, "run", "agent.sock")));
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    });
  });
}
