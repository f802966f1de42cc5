import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { DumpRefused, SandboxError } from "../driver.ts";
import { Link, spec, withIsolation } from "../testing.ts";
import type { Subject } from "./subject.ts";

/** What any driver does with a sandbox, whether it isolates or not: make it, run things in it, end it. */
export function lifeContract(name: string, { options, lacks = [] }: Subject): void {
  describe(`${name}: what any driver does`, () => {
    test("a sandbox says HELLO, and its marks are in order", () =>
      withIsolation(options, async ({ driver }) => {
        const { marks } = await driver.create(spec());
        // the agent reads the kernel's clock, the platform one fitted to it when it started, which is off by a little
        const slack = 3;
        assert.ok(marks.asked <= marks.main + slack && marks.main <= marks.hello + slack, JSON.stringify(marks));
        assert.ok(marks.asked < marks.hello);
      }));

    test("a runtime link, where it was asked for, becomes the runtime's descriptor 3, and ends with it", () =>
      withIsolation(options, async ({ driver }) => {
        assert.equal((await driver.create(spec())).runtimeLink, undefined);
        const sandbox = await driver.create(spec({ runtimeLink: true }));
        const ended = new Link(sandbox).run(["/bin/sh", "-c", "head -c 5 <&3 >&3; exit 3"], {}, { link: "frames" });
        sandbox.runtimeLink!.write("there");
        assert.equal(await text(sandbox.runtimeLink!), "there");
        assert.equal((await ended).code, 3);
      }));

    test("a command gets the environment it was given, and its exit status is reported", () =>
      withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec()));
        const ran = await link.sh('echo "$A-$HOME-$THAW_TOKEN"; exit 7', { A: "x y" });
        assert.equal(ran.output, "x y--\n");
        assert.equal(ran.code, 7);
        assert.equal((await link.sh("kill -KILL $$")).signal, "SIGKILL");
      }));

    test("mounted files and directories are readable at the sandbox's path of them", () =>
      withIsolation(options, async ({ driver }, runDir) => {
        const code = join(runDir, "code");
        mkdirSync(join(code, "sub"), { recursive: true });
        writeFileSync(join(code, "sub", "a"), "from a directory\n");
        writeFileSync(join(runDir, "one"), "from a file\n");
        const mounts = [
          { source: code, target: "/var/task" },
          { source: join(runDir, "one"), target: "/opt/some/where/one" },
        ];
        const sandbox = await driver.create(spec({ mounts }));
        const ran = await new Link(sandbox).sh(
          `cat ${sandbox.path("/var/task/sub/a")} ${sandbox.path("/opt/some/where/one")}`,
        );
        assert.equal(ran.output, "from a directory\nfrom a file\n");
      }));

    test("a source that is not there is a SandboxError, and the next sandbox is fine", () =>
      withIsolation(options, async ({ driver }) => {
        const mounts = [{ source: "/nowhere/at/all", target: "/var/task" }];
        await assert.rejects(driver.create(spec({ mounts })), (error) => {
          assert.ok(error instanceof SandboxError);
          assert.match(error.message, /nowhere/);
          return true;
        });
        await driver.create(spec());
      }));

    test("the image of a runtime's process is the platform's alone; what cannot be copied is refused and runs on", () =>
      withIsolation(options, async ({ driver }, runDir) => {
        const { usable, reason } = driver.snapshots;
        const sandbox = await driver.create(spec());
        const link = new Link(sandbox);
        link.start(["/bin/sh", "-c", "echo up; exec sleep 1000"]);
        await link.says("up");
        const image = join(runDir, "image");
        if (!usable) {
          assert.notEqual(reason, "");
          await assert.rejects(sandbox.dump(image, { link: "http" }), DumpRefused);
          return;
        }
        const facts = await sandbox.dump(image, { link: "http" });
        const { mode, size } = statSync(image);
        assert.deepEqual([mode & 0o777, size], [0o600, facts.bytes]);
        assert.ok(facts.pages > 0 && facts.threads === 1, JSON.stringify(facts));

        const family = await driver.create(spec());
        const second = new Link(family);
        second.start(["/bin/sh", "-c", "sleep 1000 & echo up; read line; wait"]);
        await second.says("up");
        const none = join(runDir, "none");
        await assert.rejects(family.dump(none, { link: "http" }), (error) => {
          assert.ok(error instanceof DumpRefused);
          assert.equal(error.code, "children");
          return true;
        });
        assert.equal(existsSync(none), false);
        await second.ping();
      }));

    test("an image that is not there, and one of a sandbox that has ended, are errors, and the next sandbox is fine", () =>
      withIsolation(options, async ({ driver }, runDir) => {
        if (!driver.snapshots.usable) return;
        await assert.rejects(driver.create(spec({ image: join(runDir, "nowhere") })), SandboxError);
        const sandbox = await driver.create(spec());
        await sandbox.kill();
        await assert.rejects(sandbox.dump(join(runDir, "none"), { link: "http" }), SandboxError);
        await driver.create(spec());
      }));

    test("/tmp is empty, writable, and nobody else's", () =>
      withIsolation(options, async ({ driver }) => {
        const [a, b] = await Promise.all([driver.create(spec()), driver.create(spec())]);
        const first = await new Link(a).sh(`ls -A ${a.tmp}; echo secret > ${a.tmp}/note && cat ${a.tmp}/note`);
        assert.equal(first.output, "secret\n");
        assert.equal((await new Link(b).sh(`ls -A ${b.tmp}`)).output, "");
      }));

    test("kill ends everything, however deep it hides, and settles `exited`", () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        const link = new Link(sandbox);
        const mark = `thaw-${process.pid}-${Math.floor(Math.random() * 1e9)}`;
        link.start([
          "/bin/sh",
          "-c",
          `(setsid sh -c 'sleep 1000; : ${mark}' &) ; sh -c 'echo up; sleep 1000; : ${mark}'`,
        ]);
        await link.says("up");
        assert.ok(processesWith(mark).length >= 2);
        const exit = await sandbox.kill();
        assert.deepEqual(exit, { code: undefined, signal: "SIGKILL", outOfMemory: false });
        assert.deepEqual(await sandbox.exited, exit);
        assert.deepEqual(processesWith(mark), []);
        assert.ok(sandbox.link.destroyed);
        assert.deepEqual(await sandbox.kill(), exit);
      }));

    test("a sandbox that ends by itself settles `exited` with its code", () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        new Link(sandbox).shutdown();
        assert.deepEqual(await sandbox.exited, { code: 0, signal: undefined, outOfMemory: false });
      }));

    test("twenty at once all come up, and close() ends them", async () => {
      let exits: Promise<unknown>[] = [];
      await withIsolation(options, async ({ driver }) => {
        const sandboxes = await Promise.all(Array.from({ length: 20 }, () => driver.create(spec())));
        exits = sandboxes.map(({ exited }) => exited);
        const outputs = sandboxes.map(async (sandbox, n) => (await new Link(sandbox).sh(`echo ${n}`)).output);
        assert.deepEqual(
          await Promise.all(outputs),
          Array.from({ length: 20 }, (_, n) => `${n}\n`),
        );
      });
      await Promise.all(exits);
    });

    test("the platform's endpoint is reachable through the relay", async () => {
      const dir = mkdtempSync(join(tmpdir(), "thaw-endpoint-"));
      const socket = join(dir, "endpoint.sock");
      const server = createServer((client) => client.end("welcome\n")).listen(socket);
      await once(server, "listening");
      chmodSync(socket, 0o666);
      await withIsolation({ ...options, endpointSocket: socket }, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        const relay = { port: 45661, socket: sandbox.endpointSocket };
        const ran = await new Link(sandbox).run(["/bin/bash", "-c", "cat < /dev/tcp/127.0.0.1/45661"], {}, { relay });
        assert.equal(ran.output, "welcome\n");
      }).finally(() => server.close());
      rmSync(dir, { recursive: true });
    });

    test("memory in use is counted", { skip: lacks.includes("memory") && "nothing counts here" }, () =>
      withIsolation(options, async ({ driver }) => {
        const sandbox = await driver.create(spec());
        const link = new Link(sandbox);
        link.start(["/bin/sh", "-c", "x=$(head -c 20000000 /dev/zero | tr '\\0' x); echo up; sleep 100"]);
        await link.says("up");
        assert.ok(sandbox.memoryBytes() > 20e6, String(sandbox.memoryBytes()));
        assert.ok(sandbox.memoryPeakBytes() > 20e6);
        assert.ok(sandbox.memoryPeakBytes() < 200e6);
      }),
    );
  });
}

/** Processes of this machine whose command line holds the text. */
function processesWith(text: string): number[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}
