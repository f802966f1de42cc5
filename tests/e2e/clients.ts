import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./server.ts";

const execute = promisify(execFile);

/** Official clients that are fetched once and kept outside of what git sees. */
const cache = join(root, "node_modules", ".cache", "thaw-e2e");

/** A folder with `nodejs/node_modules/aws-sdk`: version 2 of the SDK for JavaScript, as a layer has it. */
export function awsSdk2(): Promise<string> {
  return kept("aws-sdk-2", async (making) => {
    const modules = join(making, "nodejs");
    mkdirSync(modules);
    const install = ["install", "--prefix", modules, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    await execute("npm", [...install, "aws-sdk@2"], { cwd: making });
    // Bundles for browsers: a third of its bytes.
    rmSync(join(modules, "node_modules", "aws-sdk", "dist"), { recursive: true, force: true });
  });
}

/** A folder with `nodejs/node_modules/@aws-sdk/client-lambda`: version 3, the one client of it that is needed. */
export function awsSdk3(): Promise<string> {
  return kept("aws-sdk-3", async (making) => {
    const modules = join(making, "nodejs");
    mkdirSync(modules);
    const install = ["install", "--prefix", modules, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    await execute("npm", [...install, "@aws-sdk/client-lambda@3"], { cwd: making });
  });
}

/** A folder with `python/boto3` and what it needs, as a layer has it. Pure Python: for any interpreter from 3.10 on. */
export function boto3(): Promise<string> {
  return kept("boto3", async (making) => {
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    await execute("python3", [...install, "--target", join(making, "python"), "boto3"], { cwd: making });
  });
}

/** A folder with `nodejs/node_modules/@aws/durable-execution-sdk-js` and the client it works with, as a layer has it. */
export function durableSdk(): Promise<string> {
  return kept("durable-sdk-2", async (making) => {
    const modules = join(making, "nodejs");
    mkdirSync(modules);
    const install = ["install", "--prefix", modules, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    await execute("npm", [...install, "@aws/durable-execution-sdk-js@2"], { cwd: making });
    // Types, source maps and what only browsers load: more than half of its bytes.
    const unused = /\.d\.[cm]?ts$|\.map$|\.md$|\/dist-types\//;
    for (const name of readdirSync(modules, { recursive: true, encoding: "utf8" })) {
      if (unused.test(name)) rmSync(join(modules, name), { force: true, recursive: true });
    }
  });
}

/** A folder with `python/aws_durable_execution_sdk_python`, and boto3. */
export function durableSdkPython(): Promise<string> {
  return kept("durable-sdk-python", async (making) => {
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    const packages = ["aws-durable-execution-sdk-python", "boto3"];
    await execute("python3", [...install, "--target", join(making, "python"), ...packages], { cwd: making });
  });
}

/** A folder for PYTHONPATH with packages of PyPI. Rejects where there is no Python or no pip. */
export function pythonModules(name: string, packages: readonly string[]): Promise<string> {
  return kept(name, async (making) => {
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", making];
    await execute("python3", [...install, ...packages]);
  });
}

/** The layer of the Serverless Framework's OpenTelemetry extension, as its package has it: a zip. */
export async function otelExtension(): Promise<string> {
  const folder = await npmPackage("@serverless/aws-lambda-otel-extension-dist", "0.1.11");
  return join(folder, "extension.zip");
}

/** A folder with Sentry's extension: `sentry-extension`, which starts, and `index.mjs`. */
export async function sentryExtension(): Promise<string> {
  return join(await npmPackage("@sentry/aws-serverless", "10.75.2"), "build/lambda-extension");
}

/** The files of a package of npm's, without those that it depends on. Rejects where it cannot be had. */
async function npmPackage(name: string, version: string): Promise<string> {
  const folder = await kept(`npm-${name.replaceAll("/", "-")}-${version}`, async (making) => {
    const { stdout } = await execute("npm", ["pack", "--silent", `${name}@${version}`], { cwd: making });
    await execute("tar", ["xzf", stdout.trim()], { cwd: making });
    rmSync(join(making, stdout.trim()));
  });
  return join(folder, "package");
}

/** How a Python program with boto3 is started: the machine's own if it has one. Rejects where there is no Python or no pip. */
export async function pythonWithBoto3(): Promise<{
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}> {
  try {
    await execute("python3", ["-c", "import boto3"]);
    return { program: "python3", env: {} };
  } catch {
    return { program: "python3", env: { PYTHONPATH: join(await boto3(), "python") } };
  }
}

/** Rejects with the reason when there is no aws command. */
export async function awsCliVersion(): Promise<string> {
  const { stdout } = await execute("aws", ["--version"]);
  return stdout.trim();
}

/** The Go program of a folder, compiled when its files have changed. Rejects without Go, or where its modules cannot be had. */
export function goProgram(source: string): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: "0" };
  return compiled(source, "go", async (making) => {
    await execute("go", ["build", "-o", join(making, "program"), "."], { cwd: source, env });
  });
}

/** As goProgram(). What it depends on is compiled once, in minutes, and kept beside it. */
export function rustProgram(source: string): Promise<string> {
  const target = join(cache, "rust-target");
  return compiled(source, "rust", async (making) => {
    await execute("cargo", ["build", "--locked", "--quiet", "--target-dir", target], { cwd: source });
    const { name } = /^name = "(?<name>.+)"/m.exec(readFileSync(join(source, "Cargo.toml"), "utf8"))!.groups!;
    copyFileSync(join(target, "debug", name!), join(making, "program"));
  });
}

async function compiled(source: string, kind: string, make: (making: string) => Promise<void>): Promise<string> {
  const hash = createHash("sha256");
  for (const name of readdirSync(source, { recursive: true, encoding: "utf8" }).sort()) {
    if (statSync(join(source, name)).isFile()) hash.update(name).update(readFileSync(join(source, name)));
  }
  return join(await kept(`${kind}-${hash.digest("hex").slice(0, 16)}`, make), "program");
}

async function kept(name: string, make: (making: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const making = `${folder}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    await make(making);
    if (!existsSync(folder)) renameSync(making, folder);
    return folder;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a client against a server, with nothing of the developer's own AWS settings. */
export async function runClient(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Printed> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_"));
  const child = spawn(program, args, {
    env: {
      ...Object.fromEntries(clean),
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}
