import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Link, spec, withIsolation } from "../testing.ts";
import type { Subject } from "./subject.ts";

/** What a sandbox cannot see, reach or change. */
export function isolationContract(name: string, { options, cannot }: Subject): void {
  const isolates = { skip: cannot ?? false };

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
  });
}
