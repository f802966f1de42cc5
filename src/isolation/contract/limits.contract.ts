import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Link, spec, withIsolation } from "../testing.ts";
import type { Subject } from "./subject.ts";

/** What a sandbox can have at most, and how it is stopped. */
export function limitsContract(name: string, { options, cannot, lacks = [] }: Subject): void {
  const isolates = { skip: cannot ?? false };
  const needs = (part: (typeof lacks)[number]) => ({
    skip: cannot ?? (lacks.includes(part) && `no ${part} limit here`),
  });

  describe(`${name}: limits`, () => {
    test("descriptors and core dumps are limited", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const { output } = await new Link(await driver.create(spec())).sh(
          "ulimit -n; ulimit -c; ls /proc/self/fd | wc -l",
        );
        assert.equal(output.replace(/ /g, ""), "1024\n0\n4\n");
      }),
    );

    test("a frozen sandbox does nothing until it is thawed; both may be called twice", needs("freezer"), () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        const link = new Link(sandbox);
        await link.ping();
        sandbox.freeze();
        sandbox.freeze();
        const pong = link.ping().then(() => "pong");
        const silence = new Promise((resolve) => setTimeout(resolve, 200, "silence"));
        assert.equal(await Promise.race([pong, silence]), "silence");
        sandbox.thaw();
        sandbox.thaw();
        assert.equal(await pong, "pong");
      }),
    );

    test("a frozen sandbox can be killed", needs("freezer"), () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        const link = new Link(sandbox);
        link.start(["/bin/sh", "-c", "echo up; sleep 1000"]);
        await link.says("up");
        sandbox.freeze();
        assert.equal((await sandbox.kill()).signal, "SIGKILL");
        sandbox.freeze();
        assert.equal(sandbox.memoryBytes(), 0);
      }),
    );

    test("using more memory than allowed is death, and is said once", needs("memory"), () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec({ memoryBytes: 64 << 20 }));
        const link = new Link(sandbox);
        const ran = await link.sh("x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo $?");
        assert.equal(ran.signal, "SIGKILL", ran.output);
        assert.equal(sandbox.takeOutOfMemory(), true);
        assert.equal(sandbox.takeOutOfMemory(), false);
        // others live on, and so does the agent
        assert.equal((await link.sh("echo alive")).output, "alive\n");
      }),
    );

    test("a fork bomb stops at 1,024 processes and dies with its sandbox", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec({ memoryBytes: 1 << 30 }));
        const link = new Link(sandbox);
        const bomb = "i=0; while [ $i -lt 1500 ]; do sleep 1000 & i=$((i+1)); echo $i; done";
        const ran = await link.sh(bomb);
        const forks = Math.max(...ran.output.split("\n").map(Number).filter(Number.isFinite));
        assert.ok(forks > 900 && forks <= 1024, String(forks));
        await sandbox.kill();
        await driver.create(spec());
      }),
    );

    test("CPU time is shared out by quota", needs("memory"), () =>
      withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec({ cpus: 0.1 })));
        // an endless loop for half a second of wall time, then how much CPU time that was, in hundredths of a second
        const { output } = await link.sh("timeout 0.5 sh -c 'while :; do :; done'; cut -d' ' -f16 /proc/$$/stat");
        assert.ok(Number(output) <= 20, `${output} of 50 ticks with a tenth of a CPU`);
      }),
    );
  });
}
