// Builds the Rust agent (agent/) as one static binary. Plain JavaScript for old engines: npm runs it right after
// `npm ci`, with whatever Node.js the machine has.
// Without cargo the rest still installs: the message names what to install, and `--required` makes it an error.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const required = process.argv.includes("--required");
const agentDir = join(dirname(fileURLToPath(import.meta.url)), "..", "agent");

function stop(message) {
  console.error(`thaw: ${message}`);
  process.exit(required ? 1 : 0);
}

const home = join(homedir(), ".cargo", "bin", "cargo");
const cargo = [process.env.CARGO, "cargo", home].find(
  (candidate) => candidate && spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0,
);
if (!existsSync(join(agentDir, "Cargo.toml"))) stop("agent/ is missing from this checkout");
if (!cargo) {
  stop(
    "cargo was not found, so the agent that runs inside every sandbox was not built.\n" +
      "      Install Rust 1.85 or newer (Debian: apt-get install cargo libc6-dev; or https://rustup.rs), then run: npm run build:agent",
  );
}

// The flags of .cargo/config.toml make the binary static; RUSTFLAGS in the environment would replace them.
const flags = "-C target-feature=+crt-static -C relocation-model=static";
const { RUSTFLAGS } = process.env;
const env = RUSTFLAGS && process.platform === "linux" ? { RUSTFLAGS: `${RUSTFLAGS} ${flags}` } : {};
const built = spawnSync(cargo, ["build", "--release", "--locked", "--quiet"], {
  cwd: agentDir,
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, ...env },
});
if (built.status !== 0)
  stop("building the agent failed; the compiler's message is above. Try again with: npm run build:agent");
