import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ZipFile } from "yazl";
import {
  dotnetAssembly,
  findPython,
  fixtures,
  type JavaFunctions,
  type Jdk,
  nativeBinary,
  npmPackages,
  pipPackages,
  versions,
} from "../peers/index.ts";

import type { Asked } from "./images.ts";

/** A function of the benchmarks. All of them echo their event, and answer `{"inspect":true}` with what they see around them. */
export interface BenchFunction {
  readonly name: string;
  /** as a table calls it */
  readonly title: string;
  readonly runtime: string;
  readonly handler: string;
  readonly zip: Buffer;
  /** how long its image may take to be there, ms; absent: as long as usual */
  readonly imageWithinMs?: number;
}

/** Releases of Node.js that functions of the benchmarks run on; each one's binary is its baseline's. */
export type NodeRelease = 22 | 24 | 26;

export async function nodeHello(release: NodeRelease = 22): Promise<BenchFunction> {
  return nodeFunction(release, "", " hello", [join(fixtures, "node")]);
}

/** Tells how long its events took, to whoever has the service `recorder`. */
export async function nodeTold(): Promise<BenchFunction> {
  return nodeFunction(22, "-told", ", telling when events come", [join(fixtures, "node-told")]);
}

/** Answers as front doors want it. */
export async function nodeWeb(): Promise<BenchFunction> {
  return nodeFunction(22, "-web", ", an answer for front doors", [join(fixtures, "node-web")]);
}

/** AWS SDK v3's DynamoDB client, and zod: a directory with node_modules. */
export function awsSdk(): Promise<string> {
  const { awsSdkDynamodb, zod } = versions;
  const packages = [`@aws-sdk/client-dynamodb@${awsSdkDynamodb}`, `zod@${zod}`];
  return npmPackages(`dynamodb-${awsSdkDynamodb}-zod-${zod}`, packages);
}

/** boto3: a directory for PYTHONPATH. */
export function boto3(): Promise<string> {
  return pipPackages(`boto3-${versions.boto3}`, [`boto3==${versions.boto3}`]);
}

export async function nodeSdk(): Promise<BenchFunction> {
  const directories = [join(fixtures, "node"), join(fixtures, "node-sdk"), await awsSdk()];
  return nodeFunction(22, "-sdk", `, AWS SDK ${versions.awsSdkDynamodb} and zod`, directories);
}

/** An init of some hundred milliseconds that leaves a heap of 100 MB. */
export async function nodeHeavy(): Promise<BenchFunction> {
  return nodeFunction(22, "-heavy", ", long init, heap of 100 MB", [
    join(fixtures, "node"),
    join(fixtures, "node-heavy"),
  ]);
}

async function nodeFunction(
  release: NodeRelease,
  suffix: string,
  what: string,
  directories: readonly string[],
): Promise<BenchFunction> {
  const name = `bench-node${release}${suffix}`;
  const title = `Node.js ${release}${what}`;
  return { name, title, runtime: `nodejs${release}.x`, handler: "index.handler", zip: await zipOf(directories) };
}

/** The managed runtime of the machine's own python3, as `python3.11`. Undefined: there is none, or none that Lambda has. */
export async function pythonRuntime(): Promise<string | undefined> {
  const python = await findPython();
  const minor = Number(python?.version.split(".")[1]);
  return minor >= 9 && minor <= 15 ? `python3.${minor}` : undefined;
}

export async function pythonHello(runtime: string): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "python")]);
  return { name: "bench-python", title: `${titleOf(runtime)} hello`, runtime, handler: "handler.handler", zip };
}

export async function pythonBoto3(runtime: string): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "python"), join(fixtures, "python-boto3"), await boto3()]);
  const title = `${titleOf(runtime)}, boto3 ${versions.boto3}`;
  return { name: "bench-python-boto3", title, runtime, handler: "handler.handler", zip };
}

export async function native(language: "go" | "rust"): Promise<BenchFunction> {
  const zip = await zipFiles(
    new Map([["bootstrap", { data: readFileSync(await nativeBinary(language)), mode: 0o755 }]]),
  );
  const title = language === "go" ? "Go" : "Rust";
  return { name: `bench-${language}`, title, runtime: "provided.al2023", handler: "bootstrap", zip };
}

export async function shell(): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "shell")]);
  return { name: "bench-shell", title: "shell bootstrap", runtime: "provided.al2023", handler: "bootstrap", zip };
}

/** The newest managed runtime of this name (`ruby`, `dotnet`) that a platform has, or fetches by itself. Undefined: none. */
export async function runtimeOf(server: Asked, prefix: string): Promise<string | undefined> {
  const { runtimes } = await server.call("GET", "/_thaw/info");
  const usable = (runtimes as { name: string; state: string }[]).filter(({ state }) => state !== "missing");
  const names = usable.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  return names.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))[0];
}

export async function rubyHello(runtime: string): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "ruby")]);
  return { name: "bench-ruby", title: runtime.replace("ruby", "Ruby "), runtime, handler: "function.handler", zip };
}

/** @param mcs Mono's C# compiler */
export async function dotnetHello(runtime: string, mcs: string): Promise<BenchFunction> {
  const zip = await zipOf([await dotnetAssembly(mcs)]);
  return { name: "bench-dotnet", title: ".NET hello", runtime, handler: "Bench::Bench.Function::Handle", zip };
}

/** How a Java function is to be made. */
export interface JavaOptions {
  /** its class is `SlowFunction`, with an init of five seconds, instead of `Function` */
  readonly slow?: boolean;
  /** on the platform's own Java runtime, which has the client, instead of a bootstrap with the client of its own */
  readonly managed?: boolean;
}

/** A function on AWS's Java client. */
export async function java(jdk: Jdk, { directory }: JavaFunctions, options: JavaOptions = {}): Promise<BenchFunction> {
  const { slow = false, managed = false } = options;
  const entries = entriesOf(managed ? [join(directory, "classes")] : [directory]);
  const core = /^aws-lambda-java-core-/;
  // the handler's interfaces are the function's own to bring, as on Lambda
  if (managed)
    for (const [name, entry] of entriesOf([join(directory, "lib")]))
      if (core.test(name)) entries.set(`lib/${name}`, entry);
  return {
    name: slow ? "bench-java-slow" : "bench-java",
    title: `Java ${jdk.version}, ${slow ? "init of 5 s" : "hello"}`,
    runtime: managed ? `java${Number.parseInt(jdk.version, 10)}` : "provided.al2023",
    handler: slow ? "SlowFunction" : "Function",
    zip: await zipFiles(entries),
    ...(slow ? { imageWithinMs: 90000 } : {}),
  };
}

/** Whether a platform can run functions on its own Java runtime with this JDK. */
export async function hasJava(server: Asked, jdk: Jdk): Promise<boolean> {
  const { runtimes } = await server.call("GET", "/_thaw/info");
  const name = `java${Number.parseInt(jdk.version, 10)}`;
  return (runtimes as { name: string; state: string }[]).some((row) => row.name === name && row.state !== "missing");
}

/**
 * The same function under another name, its archive with another comment (APPNOTE 4.3.16): other bytes, other digest, code
 * that no platform has seen.
 */
export function unseen(fn: BenchFunction, number: number): BenchFunction {
  const comment = Buffer.from(`${process.pid}-${Date.now()}-${number}`);
  const zip = Buffer.concat([fn.zip, comment]);
  zip.writeUInt16LE(comment.length, fn.zip.length - 2);
  return { ...fn, name: `${fn.name}-${number}`, zip };
}

/** A hello of Node.js in an archive of about `bytes`: the rest is one file that cannot be compressed. */
export async function largeArchive(bytes: number): Promise<BenchFunction> {
  const hello = await nodeHello();
  const entries = entriesOf([join(fixtures, "node")]);
  entries.set("weights.bin", { data: randomBytes(bytes), mode: 0o644 });
  const title = `Node.js 22 hello, ${Math.round(bytes / 2 ** 20)} MB`;
  return { ...hello, name: "bench-node22-large", title, zip: await zipFiles(entries) };
}

function titleOf(runtime: string): string {
  return runtime.replace("python", "Python ");
}

interface Entry {
  readonly data: Buffer;
  readonly mode: number;
}

/** A folder as it lies there, for functions that are not the benchmarks' own. */
export async function folder(name: string, handler: string, directory: string): Promise<BenchFunction> {
  return { name, title: name, runtime: "provided.al2023", handler, zip: await zipOf([directory]) };
}

/** A zip of several directories laid over each other; later ones win. */
function zipOf(directories: readonly string[]): Promise<Buffer> {
  return zipFiles(entriesOf(directories));
}

function entriesOf(directories: readonly string[]): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const directory of directories) {
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      // what package managers leave for themselves
      if (/\.(d\.ts|map)$|[/\\]\.package-lock\.json$/.test(path)) continue;
      const mode = statSync(path).mode & 0o111 ? 0o755 : 0o644;
      entries.set(path.slice(directory.length + 1), { data: readFileSync(path), mode });
    }
  }
  return entries;
}

export async function zipFiles(entries: ReadonlyMap<string, Entry>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, { data, mode }] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    zip.addBuffer(data, name, { mode: 0o100000 | mode, mtime: new Date(2026, 0, 1) });
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
