// `npm test`: types, lint, the agent's own tests, then every *.test.ts (or the paths given), each file within a limit of time.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { endAll, runFiles } from "./lanes.ts";

const root = resolve(import.meta.dirname, "..");
const only = process.argv.slice(2);

function step(name: string, command: string, args: string[], cwd = root): void {
  const began = performance.now();
  const { status, signal, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  const seconds = ((performance.now() - began) / 1e3).toFixed(1);
  if (status !== 0) {
    console.error(`test: ${name} failed (${error?.message ?? signal ?? `exit ${status}`}) after ${seconds} s`);
    process.exit(1);
  }
  console.error(`test: ${name} passed in ${seconds} s`);
}

if (only.length === 0) {
  step("types", "node_modules/.bin/tsc", ["-p", "."]);
  step("types of the dashboard", "node_modules/.bin/tsc", ["-p", "web"]);
  step("lint and format", "node_modules/.bin/biome", ["check"]);
  step("agent build", process.execPath, ["scripts/build-agent.mjs", "--required"]);
  step("agent", "sh", ["-c", 'PATH="$PATH:$HOME/.cargo/bin" cargo test --release --quiet'], resolve(root, "agent"));
}
const files = globSync(only.length > 0 ? only : ["src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"], {
  cwd: root,
});
if (files.length === 0) {
  console.error(`test: there is no such file: ${only.join(" ")}`);
  process.exit(1);
}
// the long forms have tests that say nothing for a quarter of an hour
const long = process.env.THAW_TEST_SLOW === "1" || process.env.THAW_TEST_CLONES === "full";
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}
const began = performance.now();
const sum = await runFiles(files.sort(), {
  width: 2,
  silence: (long ? 20 : 6) * 60e3,
  longest: (long ? 120 : 15) * 60e3,
  flags: ["--disable-warning=ExperimentalWarning", "--test-timeout=300000"],
  cwd: root,
  print: (text) => console.log(text),
});
const seconds = ((performance.now() - began) / 1e3).toFixed(1);
console.error(
  `test: ${files.length} files in ${seconds} s: ${sum.tests} tests, ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
);
if (sum.failedFiles.length > 0) {
  console.error(`test: failed: ${sum.failedFiles.join(" ")}`);
  process.exit(1);
}
