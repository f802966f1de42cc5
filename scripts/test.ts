// `npm test`: types, lint, the agent's own tests, then every *.test.ts (or the paths given).
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";

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
const files =
  only.length > 0
    ? only
    : globSync(["src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"], { cwd: root }).sort();
step("node", process.execPath, [
  "--disable-warning=ExperimentalWarning",
  "--test",
  "--test-concurrency=2",
  "--test-timeout=300000",
  "--test-reporter=spec",
  ...files,
]);
