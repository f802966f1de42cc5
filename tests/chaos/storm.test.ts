import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { probeDrivers } from "../../src/isolation/index.ts";
import { startServer } from "../e2e/server.ts";
import { Client } from "../security/client.ts";
import { startPlatform } from "../security/platform.ts";
import { until } from "../security/traces.ts";

const echo = "exports.handler = async (event) => event.n;";

for (const { driver, usable, reason } of await probeDrivers()) {
  describe(`more than is comfortable (${driver})`, { skip: !usable && reason }, () => {
    test("200 concurrent invocations of one function are all answered, each with its own answer", async () => {
      await using platform = await startPlatform({ args: ["--driver", driver] });
      await platform.client.deploy("echo", echo, { timeout: 60 });
      const numbers = Array.from({ length: 200 }, (_, n) => n);
      const answers = await Promise.all(numbers.map((n) => platform.client.invoke("echo", { n })));
      assert.deepEqual(
        answers.map(({ text }) => text),
        numbers.map(String),
      );
      await platform.nothingLeft("echo");
    });

    test("deleting and making a function again under load gives right answers or clean errors", async () => {
      await using platform = await startPlatform({ args: ["--driver", driver] });
      const { client } = platform;
      await client.deploy("unsteady", echo, { timeout: 30 });
      let over = false;
      const seen = new Map<string, number>();
      const caller = async () => {
        for (let n = 0; !over; n++) {
          const { status, code, functionError, text } = await client.invoke("unsteady", { n });
          const right = status === 200 && functionError === undefined && text === String(n);
          const what = right ? "right" : `${status} ${code ?? ""} ${functionError ?? ""} ${status === 404 ? "" : text}`;
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
      };
      const callers = Array.from({ length: 8 }, caller);
      for (let round = 0; round < 5; round++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        assert.equal((await client.delete("unsteady")).status, 204);
        await client.deploy("unsteady", echo, { timeout: 30 });
      }
      over = true;
      await Promise.all(callers);
      assert.ok(seen.get("right")! > 5);
      seen.delete("right");
      seen.delete("404 ResourceNotFoundException  ");
      assert.deepEqual([...seen], []);
      await platform.nothingLeft("unsteady");
    });

    test("idle environments end after the keep-alive time", async () => {
      await using server = await startServer({ args: ["--driver", driver], env: { THAW_KEEP_ALIVE_SECONDS: "1" } });
      const client = new Client(server.endpoint);
      await client.deploy("echo", echo);
      await client.invoke("echo", { n: 1 });
      assert.equal((await client.environments()).length, 1);
      await until(
        () => client.environments(),
        (rows) => rows.length === 0,
        10_000,
      );
      assert.equal((await client.invoke("echo", { n: 2 })).text, "2");
    });

    test("short of memory, idle environments end until the rest fits, and every function still answers", async () => {
      await using server = await startServer({ args: ["--driver", driver], env: { THAW_MEMORY_MB: "250" } });
      const client = new Client(server.endpoint);
      const code = "const held = Buffer.alloc(100 << 20, 1); exports.handler = async () => held.length;";
      const names = ["first", "second", "third", "fourth"];
      for (const name of names) {
        await client.deploy(name, code, { memory: 512, timeout: 20 });
        assert.equal((await client.invoke(name)).text, String(100 << 20));
      }
      const rows = await until(
        () => client.environments(),
        (seen) => seen.length <= 2,
        10_000,
      );
      assert.ok(rows.length >= 1);
      for (const name of names) assert.equal((await client.invoke(name)).status, 200);
    });
  });
}
