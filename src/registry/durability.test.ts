import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createRegistry } from "./index.ts";

/** Writes as fast as it can, and says what it was told is done: functions by number, then versions of the first. */
const writer = `
import { createRegistry } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
const registry = createRegistry({ path: process.argv[1] });
const scope = { account: "000000000000", region: "us-east-1" };
const settings = {
  Role: "arn:aws:iam::000000000000:role/r", Description: "", Timeout: 3, MemorySize: 128, PackageType: "Zip",
  Architectures: ["x86_64"], EphemeralStorage: { Size: 512 }, TracingConfig: { Mode: "PassThrough" },
  SnapStart: { ApplyOn: "None" }, LoggingConfig: { LogFormat: "Text", LogGroup: "/g" }, Runtime: "provided.al2023", Handler: "h",
};
const code = { digest: "0".repeat(64), size: 1 };
for (let n = Number(process.argv[2]); ; n += 1) {
  const name = "f" + n;
  registry.functions.create(scope, name, { settings, code, layers: [], tags: {} });
  registry.functions.update(scope, name, { settings: { ...settings, Timeout: 4 } });
  const { version } = registry.functions.publish(scope, name, { description: "n" + n });
  registry.functions.putAlias(scope, name, { name: "live", version: version.version, description: "", revisionId: "r" });
  process.stdout.write(n + "\\n");
}
`;

test("what was acknowledged is there after SIGKILL, again and again, and half a function never is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-registry-"));
  const path = join(folder, "registry.sqlite");
  const acknowledged = new Set<number>();
  let next = 0;
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer, path, String(next)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const target = next + 5 + round;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.add(Number(line));
      // Killed between two of its writes, wherever it is by now.
      if (acknowledged.has(target)) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");

    const registry = createRegistry({ path });
    assert.ok(acknowledged.has(target));
    for (const n of acknowledged) {
      const live = registry.resolve("000000000000", "us-east-1", `f${n}`, "live");
      assert.equal(live.version, "1");
      assert.equal(live.timeoutSeconds, 4);
    }
    const found = registry.functions.list({ account: "000000000000", region: "us-east-1" });
    for (const { record, latest, versions } of found) {
      assert.ok(latest.key);
      assert.equal(record.nextVersion, versions.size + 1);
    }
    next = found.length;
    registry.close();
  }
  rmSync(folder, { recursive: true });
});
