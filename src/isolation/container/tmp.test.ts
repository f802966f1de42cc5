import assert from "node:assert/strict";
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { probeDrivers } from "../isolation.ts";
import { Link, spec, withIsolation } from "../testing.ts";

const [container] = await probeDrivers();
const disk = container?.features.find(({ name }) => name === "/tmp on disk");
const skip = disk?.ok ? false : `no /tmp on disk here: ${disk?.detail ?? container?.reason}`;
const mebi = 1 << 20;

describe("/tmp on disk", { skip }, () => {
  test("a function of 128 MB fills its /tmp of 512 MB, is told that it is full, and lives on", () =>
    withIsolation({}, async ({ driver }) => {
      const sandbox = await driver.create(spec({ memoryBytes: 128 * mebi, tmpBytes: 512 * mebi }));
      const link = new Link(sandbox);
      const full = await link.sh(
        "head -c 520000000 /dev/zero > /tmp/a && echo fits; head -c 60000000 /dev/zero > /tmp/b",
      );
      assert.match(full.output, /^fits\n.*No space left on device/s);
      assert.equal(sandbox.takeOutOfMemory(), false);
      assert.ok(sandbox.memoryBytes() < 64 * mebi, String(sandbox.memoryBytes()));
      const again = await link.sh("rm /tmp/b; cmp -n 520000000 /tmp/a /dev/zero && echo same");
      assert.equal(again.output, "same\n");
    }));

  const { bavail, bsize } = statfsSync(tmpdir());
  for (const size of [1, 600, 10_240]) {
    const room = bavail * bsize > (size + 2048) * mebi ? false : "the disk has no room for it";
    test(`any size can be had: ${size} MB`, { skip: room }, () =>
      withIsolation({}, async ({ driver }) => {
        // the second one finds a disk that was made ahead of time
        for (const ordinal of [1, 2]) {
          const link = new Link(await driver.create(spec({ tmpBytes: size * mebi })));
          const { output } = await link.sh("stat -f -c '%T %a %S' /tmp; stat -c '%a %U %G' /tmp; ls -A /tmp");
          const [kind, blocks, bytes] = output.split("\n")[0]!.split(" ");
          assert.equal(kind, "ext2/ext3", `sandbox ${ordinal}`);
          const free = Number(blocks) * Number(bytes);
          assert.ok(free >= size * mebi && free <= size * mebi * 1.02 + 8 * mebi, String(free));
          assert.equal(output.split("\n").slice(1).join(), "700 sbx_user1051 sbx_user1051,");
        }
      }),
    );
  }

  test("no program on it gets another user's rights, and no device on it is one", () =>
    withIsolation({}, async ({ driver }) => {
      const { output } = await new Link(await driver.create(spec())).sh("grep ' /tmp ' /proc/self/mounts");
      assert.match(output, /^\S+ \/tmp ext4 rw,nosuid,nodev/);
    }));

  test("its disks go with the platform, and with a launcher that was killed", async () => {
    let place = "";
    await withIsolation({}, async ({ driver, probes }, runDir) => {
      place = runDir;
      const sandbox = await driver.create(spec());
      await new Link(sandbox).sh("echo data > /tmp/a");
      assert.ok(disksIn(place).length > 0);
      const details = probes[0]!.features.map(({ detail }) => detail).join("\n");
      process.kill(Number(/thaw-(\d+)-/.exec(details)?.[1]), "SIGKILL");
      await sandbox.exited;
      await until(() => disksIn(place).length === 0);
      await driver.create(spec());
      assert.ok(disksIn(place).length > 0);
    });
    assert.deepEqual(disksIn(place), []);
  });
});

/** Loop devices over files of a directory. */
function disksIn(directory: string): string[] {
  return readdirSync("/sys/block").filter((name) => {
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").startsWith(directory);
    } catch {
      return false; // it is none, or has just gone
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 10 s: ${condition}`);
    await delay(5);
  }
}
