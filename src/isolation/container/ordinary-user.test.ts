import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { driverContract } from "../driver.contract.ts";
import { probeDrivers } from "../isolation.ts";

// The same contract without root. Started by root, this file runs itself again as nobody.
const nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

if (process.getuid?.() === 0) {
  const asNobody = (...argv: string[]) =>
    spawnSync("setpriv", [...nobody, process.execPath, ...argv], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
  const readable = asNobody("-e", `require("fs").accessSync(${JSON.stringify(import.meta.filename)})`).status === 0;
  const skip = readable ? false : "user 65534 cannot read this repository, or there is no setpriv";

  describe("container, as an ordinary user", { skip }, () => {
    test("the whole contract holds, but for what cgroups do", () => {
      const { status, stdout } = asNobody("--test-reporter=tap", "--test", import.meta.filename);
      assert.equal(status, 0, stdout);
    });
  });
} else {
  const [container] = await probeDrivers();
  const lacks = (name: string) => container?.features.some((feature) => feature.name === name && !feature.ok);
  if (container?.usable) {
    driverContract("container", {
      options: { driver: "container" },
      lacks: [
        ...(lacks("memory limit") ? (["memory"] as const) : []),
        ...(lacks("freezer") ? (["freezer"] as const) : []),
      ],
    });
  }
}
