import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ZipFile } from "yazl";
import {
  findPython,
  fixtures,
  type JavaFunctions,
  type Jdk,
  nativeBinary,
  npmPackages,
  pipPackages,
  versions,
} from "../peers/index.ts";

/** A function of the benchmarks. All of them echo their event, and answer `{"inspect":true}` with what they see around them. */
export interface BenchFunction {
  readonly name: string;
  /** as a table calls it */
  readonly title: string;
  readonly runtime: string;
  readonly handler: string;
  readonly zip: Buffer;
}

/** Runtime of the Node.js functions: its binary is the baseline's. */
const nodeRuntime = "nodejs22.x";

export async function nodeHello(): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "node")]);
  return { name: "bench-node", title: "Node.js 22 hello", runtime: nodeRuntime, handler: "index.handler", zip };
}

/** AWS SDK v3's DynamoDB client: a directory with node_modules. */
export function awsSdk(): Promise<string> {
  const { awsSdkDynamodb: version } = versions;
  return npmPackages(`dynamodb-${version}`, [`@aws-sdk/client-dynamodb@${version}`]);
}

/** boto3: a directory for PYTHONPATH. */
export function boto3(): Promise<string> {
  return pipPackages(`boto3-${versions.boto3}`, [`boto3==${versions.boto3}`]);
}

export async function nodeSdk(): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "node"), join(fixtures, "node-sdk"), await awsSdk()]);
  const title = `Node.js 22, AWS SDK ${versions.awsSdkDynamodb}`;
  return { name: "bench-node-sdk", title, runtime: nodeRuntime, handler: "index.handler", zip };
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
  const zip = await zipFiles(new Map([["bootstrap", { path: await nativeBinary(language), mode: 0o755 }]]));
  const title = language === "go" ? "Go" : "Rust";
  return { name: `bench-${language}`, title, runtime: "provided.al2023", handler: "bootstrap", zip };
}

export async function shell(): Promise<BenchFunction> {
  const zip = await zipOf([join(fixtures, "shell")]);
  return { name: "bench-shell", title: "shell bootstrap", runtime: "provided.al2023", handler: "bootstrap", zip };
}

/** A function on AWS's Java client, whose class is `Function` (hello) or `SlowFunction` (an init of two seconds). */
export async function java(jdk: Jdk, { directory }: JavaFunctions, slow = false): Promise<BenchFunction> {
  const title = `Java ${jdk.version}, ${slow ? "init of 2 s" : "hello"}`;
  const name = slow ? "bench-java-slow" : "bench-java";
  const handler = slow ? "SlowFunction" : "Function";
  return { name, title, runtime: "provided.al2023", handler, zip: await zipOf([directory]) };
}

function titleOf(runtime: string): string {
  return runtime.replace("python", "Python ");
}

interface Entry {
  readonly path: string;
  readonly mode: number;
}

/** A folder as it lies there, for functions that are not the benchmarks' own. */
export async function folder(name: string, handler: string, directory: string): Promise<BenchFunction> {
  return { name, title: name, runtime: "provided.al2023", handler, zip: await zipOf([directory]) };
}

/** A zip of several directories laid over each other; later ones win. */
function zipOf(directories: readonly string[]): Promise<Buffer> {
  const entries = new Map<string, Entry>();
  for (const directory of directories) {
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      // what package managers leave for themselves
      if (/\.(d\.ts|map)$|[/\\]\.package-lock\.json$/.test(path)) continue;
      entries.set(path.slice(directory.length + 1), { path, mode: statSync(path).mode & 0o111 ? 0o755 : 0o644 });
    }
  }
  return zipFiles(entries);
}

async function zipFiles(entries: ReadonlyMap<string, Entry>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, { path, mode }] of [...entries].sort()) {
    zip.addBuffer(readFileSync(path), name, { mode: 0o100000 | mode, mtime: new Date(2026, 0, 1) });
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
