import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { descendants, processes } from "../../bench/subject/proc.ts";
import { probeDrivers } from "../../src/isolation/index.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { Client } from "../security/client.ts";
import { launcherOf, until } from "../security/traces.ts";

const sleeps = `exports.handler = async ({ ms = 0 }) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return process.pid;
};`;
const drivers = await probeDrivers();
const container = drivers.find(({ driver }) => driver === "container")!;

for (const { driver, usable, reason } of drivers) {
  describe(`a platform that is interrupted (${driver})`, { skip: !usable && reason }, () => {
    let server: Server;
    let client: Client;
    beforeEach(async () => {
      server = await startServer({ args: ["--driver", driver] });
      client = new Client(server.endpoint);
      await client.deploy("sleeps", sleeps, { timeout: 20 });
    });
    afterEach(() => server[Symbol.asyncDispose]());

    const busy = (count = 1) =>
      until(
        () => client.environments(),
        (rows) => rows.filter(({ state }) => state === "busy").length >= count,
      );

    test("SIGTERM: what runs gets its answer, what is new is refused, the exit code is 0, no process stays", async () => {
      const running = client.invoke("sleeps", { ms: 2000 });
      await busy();
      const pids = descendants(server.process.pid!).map(({ pid }) => pid);
      const stopped = server.stop();
      await until(
        () =>
          client.send("GET", "/_thaw/health").then(
            () => "answers",
            () => "refuses",
          ),
        (seen) => seen === "refuses",
      );
      assert.equal(server.process.exitCode, null, "it did not wait");
      const answer = await running;
      assert.deepEqual([answer.status, answer.functionError], [200, undefined], answer.text);
      assert.equal(await stopped, 0);
      await until(
        () => processes().filter(({ pid, zombie }) => pids.includes(pid) && !zombie),
        (left) => left.length === 0,
        1000,
      );
    });

    test("two seconds without CPU lose neither environments nor answers", async () => {
      const before = (await client.invoke("sleeps")).text;
      const running = client.invoke("sleeps", { ms: 500 });
      await busy();
      server.process.kill("SIGSTOP");
      await delay(2000);
      server.process.kill("SIGCONT");
      assert.equal((await running).text, before);
      assert.equal((await client.invoke("sleeps")).text, before);
      assert.equal((await client.environments()).length, 1);
    });

    test("an agent that is killed is a failure of its invocation alone", async () => {
      const victims = () =>
        processes().filter(({ name, parent, zombie }) => name === "thaw-agent" && !zombie && holds(parent));
      const launcher = launcherOf(server);
      const holds = (parent: number) => parent === (launcher ?? server.process.pid);
      const running = [client.invoke("sleeps", { ms: 6000 }), client.invoke("sleeps", { ms: 6000 })];
      await busy(2);
      // A sandbox's agent has a runtime below it; a slot that waits has nothing. A third is one of which an image is made.
      const agents = await until(
        () => victims().filter(({ pid }) => descendants(pid).some(({ name }) => /node|MainThread/.test(name))),
        (found) => found.length === 2,
      );
      process.kill(agents[0]!.pid, "SIGKILL");
      const answers = await Promise.all(running);
      const failed = answers.filter(({ functionError }) => functionError !== undefined);
      assert.equal(failed.length, 1, answers.map(({ text }) => text).join());
      assert.equal(failed[0]!.body.errorType, "Runtime.ExitError");
      assert.equal((await client.invoke("sleeps")).status, 200);
    });

    test("an agent that is killed while the code loads is a failed init: tried once more, in a fresh sandbox", async () => {
      await client.deploy(
        "loads",
        "for (const end = Date.now() + 3000; Date.now() < end; ); exports.handler = async () => 'second';",
        { timeout: 20 },
      );
      const running = client.invoke("loads");
      await until(
        () => client.environments(),
        (rows) => rows.some(({ state }) => state === "initializing"),
      );
      const parent = launcherOf(server) ?? server.process.pid;
      const agents = await until(
        () =>
          processes().filter(
            (row) =>
              row.name === "thaw-agent" &&
              row.parent === parent &&
              descendants(row.pid).some(({ name }) => /node|MainThread/.test(name)),
          ),
        (rows) => rows.length === 1,
      );
      process.kill(agents[0]!.pid, "SIGKILL");
      const answer = await running;
      assert.deepEqual([answer.status, answer.functionError, answer.body], [200, undefined, "second"], answer.text);
    });
  });
}

test("a launcher that is killed takes its sandboxes along; their calls fail cleanly and the next ones work", {
  skip: !container.usable && container.reason,
}, async () => {
  await using server = await startServer({ args: ["--driver", "container"] });
  const client = new Client(server.endpoint);
  await client.deploy("sleeps", sleeps, { timeout: 20 });
  for (let round = 0; round < 2; round++) {
    const running = [1, 2, 3].map(() => client.invoke("sleeps", { ms: 10_000 }));
    await until(
      () => client.environments(),
      (rows) => rows.filter(({ state }) => state === "busy").length === 3,
    );
    const pids = descendants(server.process.pid!).map(({ pid }) => pid);
    process.kill(launcherOf(server)!, "SIGKILL");
    for (const answer of await Promise.all(running)) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.body.errorType, "Runtime.ExitError", answer.text);
    }
    const next = await Promise.all([1, 2, 3].map(() => client.invoke("sleeps")));
    for (const answer of next) assert.deepEqual([answer.status, answer.functionError], [200, undefined], answer.text);
    await until(
      () => processes().filter(({ pid, zombie }) => pids.includes(pid) && !zombie),
      (rows) => rows.length === 0,
    );
  }
});
