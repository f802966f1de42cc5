import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { program } from "../harness/processes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cache = join(root, "node_modules", ".cache", "thaw-bench");
const run = promisify(execFile);

/** The repository's folder. */
export const repository = root;
/** The benchmark's own fixtures. */
export const fixtures = join(root, "bench", "fixtures");

/**
 * A directory of the cache, made once by `make` in a temporary place and then put there with one rename, so that a
 * broken attempt is never taken for a good one.
 */
export async function cached(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(cache, name);
  if (existsSync(directory)) return directory;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, ".making-"));
  try {
    await make(temporary);
    if (!existsSync(directory)) renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}

/** Packages of npm, with all they need: a directory that has them in node_modules. Their install scripts do not run. */
export function npmPackages(name: string, packages: readonly string[]): Promise<string> {
  return cached(`npm-${name}`, async (directory) => {
    const options = ["--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    await command("npm", ["install", ...options, ...packages], directory);
  });
}

/**
 * A distribution of PyPI with all it needs: a directory for sys.path. Compiled with unchecked hashes (PEP 552), so that
 * a fresh process and a function, whose files have other times, both find the bytecode.
 */
export function pipPackages(name: string, packages: readonly string[]): Promise<string> {
  return cached(`pip-${name}`, async (directory) => {
    const options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--target", directory];
    await command("python3", ["-m", "pip", "install", ...options, ...packages], directory);
    const compile = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", directory, directory];
    await command("python3", compile, directory);
  });
}

/** Runs a program to its end, or for `withinMs`; rejects with what it printed. */
export async function command(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  withinMs = 0,
): Promise<string> {
  if (!program(file)) throw new Error(`${file} is not installed`);
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20, timeout: withinMs };
  try {
    return (await run(file, [...args], options)).stdout;
  } catch (error) {
    if (!(error as { killed?: boolean }).killed) throw error;
    throw new Error(`${file} was not done after ${withinMs / 1000} s`, { cause: error });
  }
}

/** The native function of fixtures/go or fixtures/rust, built with the toolchain of this machine: path of the binary. */
export async function nativeBinary(language: "go" | "rust"): Promise<string> {
  const source = join(fixtures, language);
  const directory = await cached(`${language}-${digest(source)}`, async (target) => {
    const copy = join(target, "source");
    cpSync(source, copy, { recursive: true });
    if (language === "go") {
      const flags = ["build", "-trimpath", "-ldflags=-s -w", "-o", join(target, "bootstrap"), "."];
      await command("go", flags, copy, { CGO_ENABLED: "0" });
      return;
    }
    await command("cargo", ["build", "--release", "--locked", "--quiet"], copy, {
      CARGO_TARGET_DIR: join(copy, "target"),
    });
    cpSync(join(copy, "target", "release", "thaw-bench-native"), join(target, "bootstrap"));
    rmSync(join(copy, "target"), { recursive: true });
  });
  return join(directory, "bootstrap");
}

/** The .NET function of the fixtures, compiled once by Mono's compiler: a directory with its assembly. */
export async function dotnetAssembly(mcs: string): Promise<string> {
  const source = join(fixtures, "dotnet");
  return cached(`dotnet-${digest(source)}`, async (target) => {
    const options = ["-target:library", "-optimize+", "-r:System.Core.dll", `-out:${join(target, "Bench.dll")}`];
    await command(mcs, [...options, join(source, "Function.cs")], target);
  });
}

/** Hash of all files below a directory: names and contents. */
export function digest(directory: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash.update(`${path.slice(directory.length)}\0`).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}
