import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifacts } from "../../src/artifacts/index.ts";
import { createBuses } from "../../src/buses/index.ts";
import { createEdge } from "../../src/edge/index.ts";
import type { ServiceModel } from "../../src/edge/lambda-api/model.ts";
import { createSealer, openKeys } from "../../src/keys/index.ts";
import { createObjects } from "../../src/objects/index.ts";
import { createLogStore } from "../../src/observe/index.ts";
import { createRegistry, createSyncer, type Registry } from "../../src/registry/index.ts";
import { createRepositories } from "../../src/repositories/index.ts";
import { createTraces } from "../../src/traces/index.ts";

/** The services around Lambda behind the real front door, without anything that runs functions. */
export interface ServicesDoor extends AsyncDisposable {
  readonly endpoint: string;
  /** what was reported as our own failure */
  readonly reported: readonly unknown[];
  /** Everything that is kept: what a refused request must leave as it was. */
  state(): string;
}

export async function openServices(): Promise<ServicesDoor> {
  const folder = mkdtempSync(join(tmpdir(), "thaw-services-"));
  const reported: unknown[] = [];
  const report = (error: unknown) => void reported.push(error);
  const clock = Date.now;
  const real = createRegistry({ path: join(folder, "registry.sqlite") });
  const kinds = new Set<string>();
  const named: Registry["named"] = (kind) => {
    kinds.add(kind);
    return real.named(kind);
  };
  const registry: Registry = { ...real, named };
  const sealer = createSealer(Buffer.alloc(32, 7));
  const objects = createObjects({ directory: join(folder, "objects"), syncer: createSyncer, clock });
  const logs = createLogStore({ dir: join(folder, "logs"), clock, warn: () => {} });
  const traces = createTraces({ path: join(folder, "traces.sqlite"), clock, report });
  const buses = createBuses({
    path: join(folder, "schedules.sqlite"),
    archivesPath: join(folder, "archives.sqlite"),
    clock,
    schedule: () => () => {},
    named,
    post: async () => {},
    mayRun: () => "gone",
    maySend: () => true,
    exists: () => false,
    roleAllows: () => true,
    callable: () => true,
    report,
  });
  const edge = createEdge({
    registry,
    objects,
    buses,
    sealer,
    keys: openKeys({ named, sealer, clock }),
    logs,
    traces,
    repositories: createRepositories({
      directory: join(folder, "repositories"),
      repositories: named("ecr-repository"),
      images: named("ecr-image"),
      blobs: named("ecr-blob"),
      clock,
    }),
    artifacts: createArtifacts({ dataDir: folder, runtimesDir: join(folder, "runtimes"), log: () => {} }),
    invoke: () => Promise.reject(new Error("nothing runs here")),
    retire: () => {},
    admin: { serve: () => false, close() {} },
    report,
  });
  const { port } = await edge.listen({ host: "127.0.0.1", port: 0 });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    reported,
    state() {
      const { scaling, roles, policies } = real;
      const kept = [...kinds].sort().map((kind): [string, unknown[]] => [kind, [...real.named(kind).everything()]]);
      // Whose code is loaded by a request has kept nothing by that.
      const documents = kept.filter(([, all]) => all.length > 0);
      const beside = [...Object.values(scaling), roles, policies].map((one) => [...one.everything()]);
      const buckets = objects.buckets("000000000000").map((bucket) => {
        const wanted = { prefix: "", delimiter: "", after: "", max: 100 };
        return [bucket, objects.list(bucket.name, wanted), objects.uploads.list(bucket.name)];
      });
      const scope = { account: "000000000000", region: "us-east-1" };
      const schedules = buses.schedules.list(scope, { prefix: "", limit: 1000 });
      return JSON.stringify([documents, beside, buckets, schedules]);
    },
    async [Symbol.asyncDispose]() {
      await edge.drain(1000);
      await buses.close();
      await logs.close();
      traces.close();
      objects.close();
      real.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The operations and shapes of a service, as it checks requests against them. */
export const modelOf = (folder: string): ServiceModel =>
  JSON.parse(
    readFileSync(join(import.meta.dirname, "../../src/edge/aws", folder, "generated/model.json"), "utf8"),
  ) as ServiceModel;
