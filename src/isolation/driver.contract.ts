import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { DumpRefused, SandboxError } from "./driver.ts";
import type { IsolationOptions } from "./isolation.ts";
import { Link, spec, withIsolation } from "./testing.ts";

/** A driver under the contract. `cannot`: why it does not isolate; the tests that need it are skipped with this reason. */
export interface Subject {
  readonly options: Partial<IsolationOptions>;
  readonly cannot?: string;
  /** what this machine's container driver lacks (a platform started by an ordinary user) */
  readonly lacks?: readonly ("memory" | "freezer")[];
}

/** What every driver promises (driver.ts). Uses the real agent. */
export function driverContract(name: string, { options, cannot, lacks = [] }: Subject): void {
  const isolates = { skip: cannot ?? false };
  const needs = (part: (typeof lacks)[number]) => ({
    skip: cannot ?? (lacks.includes(part) && `no ${part} limit here`),
  });

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

  describe(`${name}: isolation`, () => {
    test("functions are user 993 with no capability, no new privileges and a filter", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec()));
        const { output } = await link.sh("cat /proc/self/status; id");
        assert.match(output, /^Uid:\t993\t993\t993\t993$/m);
        assert.match(output, /^Gid:\t990\t990\t990\t990$/m);
        for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
          assert.match(output, new RegExp(`^${set}:\\t0000000000000000$`, "m"));
        }
        assert.match(output, /^NoNewPrivs:\t1$/m);
        assert.match(output, /^Seccomp:\t2$/m);
        assert.match(output, /uid=993\(sbx_user1051\) gid=990/);
      }),
    );

    test("every namespace is its own, and two sandboxes share none", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const kinds = ["user", "mnt", "pid", "net", "ipc", "uts"];
        const seen = new Set(kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`)));
        for (const sandbox of [await driver.create(spec()), await driver.create(spec())]) {
          const { output } = await new Link(sandbox).sh(
            kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join(";"),
          );
          for (const namespace of output.trim().split("\n")) seen.add(namespace);
        }
        assert.equal(seen.size, 3 * kinds.length);
      }),
    );

    test("the machine's files, processes and mounts are out of sight", isolates, () =>
      withIsolation(options, async ({ driver }, runDir) => {
        const link = new Link(await driver.create(spec()));
        const hidden = [runDir, import.meta.dirname, "/host", "/skel", "/sys/fs", "/etc/shadow"];
        const { output } = await link.sh(`ls -d ${hidden.join(" ")} 2>/dev/null; ls /proc | grep -c '^[0-9]'`);
        // the agent, sh, ls and grep
        assert.ok(Number(output) <= 4, output);
        const mounts = (await link.sh("cut -d' ' -f2 /proc/self/mounts")).output.trim().split("\n");
        assert.ok(
          mounts.every((point) => !point.startsWith(runDir)),
          mounts.join(),
        );
      }),
    );

    test("everything but /tmp is read-only", isolates, () =>
      withIsolation(options, async ({ driver }, runDir) => {
        mkdirSync(join(runDir, "open"), { mode: 0o777 });
        const mounts = [{ source: join(runDir, "open"), target: "/var/task" }];
        const link = new Link(await driver.create(spec({ mounts })));
        const places = ["/", "/usr", "/etc", "/var/task", "/opt", "/dev", "/run/thaw", "/root", "/home/sbx_user1051"];
        const { output } = await link.sh(places.map((at) => `touch ${at}/x 2>/dev/null && echo ${at}`).join(";"));
        assert.equal(output, "");
        assert.deepEqual(readdirSync(join(runDir, "open")), []);
      }),
    );

    test("/tmp holds as much as was asked for and no more", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec({ tmpBytes: 8 << 20 })));
        const ran = await link.sh(
          "head -c 7000000 /dev/zero > /tmp/a && echo fits; head -c 4000000 /dev/zero > /tmp/b",
        );
        assert.match(ran.output, /^fits\n.*No space left on device/s);
        assert.notEqual(ran.code, 0);
        const many = await link.sh("rm /tmp/*; i=0; while : > /tmp/$i; do i=$((i+1)); done 2>/dev/null; echo $i");
        assert.ok(Number(many.output) < 10_000, many.output);
      }),
    );

    test("there is a loopback interface and no way out", isolates, async () => {
      const server = createServer((client) => client.end("host")).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      await withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec()));
        const devices = (await link.sh("tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route | wc -l")).output;
        assert.equal(devices.replace(/ /g, ""), "lo\n1\n");
        const dial = await link.run(["/bin/bash", "-c", `cat < /dev/tcp/127.0.0.1/${port}`]);
        assert.match(dial.output, /refused/);
        assert.match((await link.run(["/bin/bash", "-c", ": < /dev/tcp/192.0.2.1/80"])).output, /unreachable/);
      }).finally(() => server.close());
    });

    test("what a sandbox cannot have is refused by name", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        for (const target of ["/proc/x", "relative", "/a/../b", "/tmp/x"]) {
          const mounts = [{ source: "/usr", target }];
          await assert.rejects(driver.create(spec({ mounts })), /SandboxError: mount: target/, target);
        }
      }),
    );

    test("a mount may appear anywhere, below the system's own directories too", isolates, () =>
      withIsolation(options, async ({ driver }, runDir) => {
        const source = join(runDir, "open");
        mkdirSync(source);
        writeFileSync(join(source, "f"), "here\n");
        const targets = [
          "/root/.some/prefix/3.11",
          "/usr/local/no/such/place",
          "/var/lang/deep/er",
          "/usr/lib/nor-here",
        ];
        const mounts = targets.map((target) => ({ source, target }));
        const link = new Link(await driver.create(spec({ mounts })));
        const { output } = await link.sh(`${targets.map((at) => `cat ${at}/f`).join(";")}; ls -d /usr/bin/env`);
        assert.equal(output, "here\nhere\nhere\nhere\n/usr/bin/env\n");
        // and the same for a second one, with a new place below the same directory
        const more = new Link(await driver.create(spec({ mounts: [{ source, target: "/usr/local/another" }] })));
        assert.equal((await more.sh("cat /usr/local/another/f")).output, "here\n");
      }),
    );

    test("dangerous system calls are refused", isolates, () =>
      withIsolation(options, async ({ driver }) => {
        const link = new Link(await driver.create(spec()));
        const attempts = [
          "unshare -U true",
          "unshare -m true",
          "mount -t tmpfs x /tmp",
          "chroot / true",
          "nsenter -t 1 -m true",
        ];
        const { output } = await link.sh(attempts.map((one) => `${one} 2>/dev/null && echo ${one}`).join(";"));
        assert.equal(output, "");
        const peek = await link.sh("cat /proc/1/environ /proc/1/maps; ls /proc/1/fd; kill -9 1; echo alive");
        assert.match(peek.output, /alive/);
        assert.equal(peek.output.match(/Permission denied/g)?.length, 3, peek.output);
      }),
    );

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

/** Processes of this machine whose command line holds the text. */
export function processesWith(text: string): number[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}
