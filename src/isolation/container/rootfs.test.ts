import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { probeDrivers } from "../isolation.ts";
import { Link, spec, withIsolation } from "../testing.ts";

const [probe] = await probeDrivers();
const skip = probe?.usable ? false : `no containers here: ${probe?.reason}`;

describe("a root file system of one's own", { skip }, () => {
  test("is seen whole and read-only, with our users, devices and mounts in it", () =>
    // the machine's own root serves as an example: everything a root needs is there
    withIsolation({ rootfs: "/" }, async ({ driver }, runDir) => {
      const code = join(runDir, "code");
      mkdirSync(code);
      writeFileSync(join(code, "f"), "here\n");
      const targets = ["/var/task", "/somewhere/new"];
      const link = new Link(await driver.create(spec({ mounts: targets.map((target) => ({ source: code, target })) })));
      const { output } = await link.sh(
        "id -un; cat /var/task/f /somewhere/new/f; ls -d /usr/bin/env; echo gone > /dev/null; touch /x /etc/x 2>/dev/null || echo closed; touch /tmp/x && echo open",
      );
      assert.equal(output, "sbx_user1051\nhere\nhere\n/usr/bin/env\nclosed\nopen\n");
    }));

  test("that is not there is named", async () => {
    await assert.rejects(
      withIsolation({ rootfs: "/no/such/root" }, async () => undefined),
      /SandboxError: --rootfs: .*No such file/,
    );
  });
});
