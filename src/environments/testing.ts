import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Compiled, checkCompiledName, compiledLimits, createArtifacts } from "../artifacts/index.ts";
import { cpusOf, createKeepAlive } from "../capacity/index.ts";
import { createImages } from "../images/index.ts";
import { createIsolation, type Driver } from "../isolation/index.ts";
import { type FunctionVersion, type Invocation, monotonicMs } from "../model/index.ts";
import { openInvocationLog } from "../observe/index.ts";
import { createEnvironments, type Environments, type EnvironmentsNeeds } from "./environments.ts";

/** The room with real sandboxes and Node.js in them, for tests. */
export interface Rig extends AsyncDisposable {
  readonly environments: Environments;
  readonly driver: Driver;
  /** lines that functions and the platform logged */
  readonly lines: string[];
  readonly notes: string[];
  readonly imagesDirectory: string;
  readonly compiled: Compiled;
  readonly compiledDirectory: string;
  /** A function of this source (index.js, or a program of another name). */
  version(source: string, changes?: Partial<FunctionVersion>, file?: string): FunctionVersion;
  /** Runs it once and gives its parsed answer, or its failure's document. The REPORT of a first event follows, see settled(). */
  call(target: FunctionVersion, event?: unknown): Promise<{ readonly start: string; readonly answer: unknown }>;
}

export async function openRig(changes: Partial<EnvironmentsNeeds> = {}): Promise<Rig> {
  const root = mkdtempSync(join(tmpdir(), "thaw-rig-"));
  const lines: string[] = [];
  const notes: string[] = [];
  const note = (line: string) => void notes.push(line);
  const artifacts = createArtifacts({ dataDir: root, log: note });
  const isolation = await createIsolation({ driver: "auto", runDir: join(root, "run"), rootfs: undefined, log: note });
  const found = (await artifacts.runtimes()).find(({ name, state }) => name.startsWith("nodejs") && state === "ready");
  if (!found) throw new Error("no Node.js runtime is ready on this machine");
  const sources = new Map<string, string>();
  mkdirSync(join(root, "empty"));
  const environments = createEnvironments({
    driver: isolation.driver,
    openLog: (target, stream, initializationType) =>
      openInvocationLog({
        target,
        stream,
        initializationType,
        append: (_account, _group, _stream, _at, message) => void lines.push(message),
        clock: Date.now,
      }),
    unpacked: async ({ digest }) => sources.get(digest)!,
    layers: async () => undefined,
    runtime: artifacts.runtime,
    cpusOf,
    emptyDirectory: join(root, "empty"),
    endpointPort: () => 0,
    isCurrent: () => true,
    keepAlive: createKeepAlive({ keepAliveMs: 600e3 }),
    memoryBudgetBytes: 2 ** 33,
    freezeAfterMs: 50,
    reclaimEveryMs: 5000,
    images: createImages({ directory: join(root, "images"), machine: "m", budgetBytes: 2 ** 30 }),
    snapshots: "auto",
    compiled: { ...artifacts.compiled, checkName: checkCompiledName, limits: compiledLimits },
    prepares: false,
    machine: "m",
    renewImagesAfterMs: 6 * 3600e3,
    note,
    ...changes,
  });
  return {
    environments,
    driver: isolation.driver,
    lines,
    notes,
    imagesDirectory: join(root, "images"),
    compiled: artifacts.compiled,
    compiledDirectory: join(root, "compiled"),
    version(source, more = {}, file = "index.js") {
      const key = randomUUID();
      const directory = join(root, key);
      mkdirSync(directory);
      writeFileSync(join(directory, file), source, { mode: 0o755 });
      sources.set(key, directory);
      return versionOf({ key, runtime: found.name, code: { digest: key, size: 1 }, ...more });
    },
    async call(target, event = {}) {
      const invocation = invocationOf(target, event);
      const environment = await environments.acquire(invocation);
      const run = await environment.run(invocation);
      const { outcome } = run;
      if (outcome.kind === "streamed") throw new Error("an answer in pieces, though nobody asked for one");
      const document = outcome.kind === "returned" ? outcome.payload : outcome.failure.payload;
      return { start: run.start ? environment.startKind : "warm", answer: JSON.parse(document.toString()) as unknown };
    },
    async [Symbol.asyncDispose]() {
      await environments.close();
      await isolation.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Resolves when all is done that was put off until an answer was out. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function versionOf(changes: Partial<FunctionVersion>): FunctionVersion {
  return {
    account: "000000000000",
    region: "us-east-1",
    name: "f",
    version: "1",
    arn: "arn:aws:lambda:us-east-1:000000000000:function:f:1",
    key: "k",
    runtime: "nodejs24.x",
    handler: "index.handler",
    architecture: "x86_64",
    memoryMb: 256,
    timeoutSeconds: 5,
    ephemeralMb: 512,
    environment: {},
    code: { digest: "", size: 0 },
    layers: [],
    logFormat: "Text",
    logGroup: "/aws/lambda/f",
    applicationLogLevel: "INFO",
    systemLogLevel: "INFO",
    tracing: "PassThrough",
    reservedConcurrency: undefined,
    provisionedConcurrency: 0,
    snapStart: false,
    network: "none",
    ...changes,
  };
}

export function invocationOf(target: FunctionVersion, event: unknown): Invocation {
  const payload = Buffer.from(JSON.stringify(event));
  const received = monotonicMs();
  return { requestId: randomUUID(), target, invokedArn: target.arn, payload, tail: false, received };
}
