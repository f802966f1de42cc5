import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const script = join(root, "scripts/build-agent.mjs");
const built = join(root, "agent/target/release/thaw-agent");
const scratch = mkdtempSync(join(tmpdir(), "thaw-build-"));
after(() => rmSync(scratch, { recursive: true }));

/** The script in an environment of the test's own: PATH and home directory. */
function build(env: Record<string, string>, ...argv: string[]) {
  return spawnSync(process.execPath, [script, ...argv], { encoding: "utf8", env });
}

describe("npm run build:agent", () => {
  const without = { PATH: join(scratch, "nothing"), HOME: scratch };

  test("without cargo it says what to install, and the rest still installs", () => {
    const { status, stderr } = build(without);
    assert.match(stderr, /cargo was not found.*Install Rust 1\.85 or newer.*rustup\.rs.*npm run build:agent/s);
    assert.equal(status, 0);
  });

  test("without cargo it fails where the agent is required", () => {
    const { status, stderr } = build(without, "--required");
    assert.match(stderr, /cargo was not found/);
    assert.equal(status, 1);
  });

  test("a cargo that fails is an error only where the agent is required", () => {
    const cargo = join(scratch, "cargo");
    writeFileSync(cargo, '#!/bin/sh\n[ "$1" = --version ] || { echo "no linker" >&2; exit 101; }\n');
    chmodSync(cargo, 0o755);
    const env = { PATH: `${scratch}:/usr/bin:/bin`, HOME: scratch };
    for (const [argv, expected] of [
      [[], 0],
      [["--required"], 1],
    ] as const) {
      const { status, stderr } = build(env, ...argv);
      assert.match(stderr, /no linker.*building the agent failed/s);
      assert.equal(status, expected);
    }
  });

  const { CARGO_HOME, RUSTUP_HOME, HOME = "", PATH = "" } = process.env;
  const real = {
    ...{ HOME, PATH },
    ...(CARGO_HOME ? { CARGO_HOME } : {}),
    ...(RUSTUP_HOME ? { RUSTUP_HOME } : {}),
  };
  const hasAgent = existsSync(built) ? false : "the agent is not built";

  test("an agent that is up to date is not built again", { skip: hasAgent }, () => {
    assert.equal(build(real, "--required").status, 0);
    const before = statSync(built);
    assert.equal(build(real, "--required").status, 0);
    assert.deepEqual([statSync(built).mtimeMs, statSync(built).ino], [before.mtimeMs, before.ino]);
  });

  test("cargo by itself builds the same static binary", { skip: hasAgent || process.platform !== "linux" }, () => {
    const { status, stderr } = spawnSync("sh", ["-c", 'PATH="$PATH:$HOME/.cargo/bin" cargo build --release --locked'], {
      cwd: join(root, "agent"),
      encoding: "utf8",
      env: real,
    });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Compiling thaw-agent/);
    // no program header names a loader (PT_INTERP is 3, elf(5))
    const file = readFileSync(built);
    const [at, size, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
    const kinds = Array.from({ length: count }, (_, index) => file.readUInt32LE(at + index * size));
    assert.ok(kinds.includes(1) && !kinds.includes(3), kinds.join());
  });
});
