import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZipFile } from "yazl";
import { createArtifacts } from "../../src/artifacts/index.ts";
import { createDurable } from "../../src/durable/index.ts";
import { createAuth, createEdge, type Edge, type EdgeNeeds } from "../../src/edge/index.ts";
import type { Invocation, InvocationResult, Timing } from "../../src/model/index.ts";
import { createRegistry, type Registry } from "../../src/registry/index.ts";

/** The front doors over a real registry and real artifacts; only the running of functions is replaced. */
export interface Door extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly socketPath: string;
  readonly registry: Registry;
  /** every invocation that came through, oldest first */
  readonly invocations: readonly Invocation[];
  readonly retired: readonly string[];
  /** what was reported as our own failure: a test that leaves something here has found a defect */
  readonly reported: readonly unknown[];
  drain(ms: number): Promise<void>;
}

export type Run = (invocation: Invocation) => Promise<InvocationResult>;

export const timing: Timing = {
  start: "warm",
  total: 1.5,
  admit: 0,
  place: 0,
  sandbox: 0,
  agent: 0,
  runtimeBoot: 0,
  codeInit: 0,
  restore: 0,
  hooks: 0,
  handler: 1,
  response: 0.5,
  unexplained: 0,
};

/** Answers with the event. */
export const echo: Run = async ({ requestId, target, payload, tail }) => ({
  requestId,
  executedVersion: target.version,
  outcome: { kind: "returned", payload },
  logTail: tail ? Buffer.from(`START RequestId: ${requestId} Version: ${target.version}\n`) : undefined,
  timing,
});

/** What the environments would do for the edge; a test plays their part. */
export type Powers = Pick<EdgeNeeds, "snapshot" | "provision" | "provisioned" | "note"> & {
  /** check signatures, and permissions; left out: neither */
  readonly auth?: { readonly mode: "known-keys" | "iam"; readonly clock?: () => number };
};

export async function openDoor(
  run: Run = echo,
  dataDir?: string,
  { auth, ...powers }: Powers = {},
  protocols: Pick<Parameters<Edge["listen"]>[0], "http2" | "tls"> = {},
): Promise<Door> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "thaw-door-"));
  const registry = createRegistry({ path: join(folder, "registry.sqlite") });
  const artifacts = createArtifacts({ dataDir: folder, runtimesDir: join(folder, "runtimes"), log: () => {} });
  const invocations: Invocation[] = [];
  const retired: string[] = [];
  const reported: unknown[] = [];
  const invoke = (invocation: Invocation) => {
    invocations.push(invocation);
    return run(invocation);
  };
  const report = (error: unknown) => void reported.push(error);
  const durable = createDurable({
    path: join(folder, "durable.sqlite"),
    clock: Date.now,
    schedule(at, wake) {
      const timer = setTimeout(wake, Math.min(at - Date.now(), 86_400_000));
      return () => clearTimeout(timer);
    },
    deadLetter: async () => {},
    resolve: registry.resolve,
    invoke,
    trace: (_target, traceId) => traceId,
    report,
  });
  const edge = createEdge({
    registry,
    artifacts,
    invoke,
    durable,
    ...powers,
    ...(auth === undefined ? {} : { auth: createAuth({ ...auth, registry }) }),
    retire: (_account, _region, name) => retired.push(name),
    report,
    admin: {
      serve(_request, response, url) {
        if (url.pathname !== "/_localstack/health") return false;
        response.end("{}");
        return true;
      },
      close() {},
    },
  });
  const socketPath = join(folder, "endpoint.sock");
  const { port } = await edge.listen({ host: "127.0.0.1", port: 0, socketPath, ...protocols });
  durable.takeUp();
  let closed = false;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    socketPath,
    registry,
    invocations,
    retired,
    reported,
    drain: edge.drain,
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await edge.drain(1000);
      durable.close();
      registry.close();
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A zip of the given files. */
export async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(text), name, { mtime: new Date(0), mode: 0o100755 });
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Any bootstrap: `provided` needs nothing of the machine. */
export const bootstrap = await zipOf({ bootstrap: "#!/bin/sh\nexit 0\n" });

export const role = "arn:aws:iam::000000000000:role/test";
