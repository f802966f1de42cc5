import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createArtifacts } from "../artifacts/index.ts";
import { type Config, ConfigError } from "../config.ts";
import { createAccountCredentials, createAuth, createFunctionCredentials, operatorKey } from "../edge/index.ts";
import { createImages, machineIdentity } from "../images/index.ts";
import { builtAgent } from "../isolation/index.ts";
import {
  createFunctionSecrets,
  createSealer,
  type Keys,
  MasterKeyError,
  openKeys,
  openMasterKey,
} from "../keys/index.ts";
import type { Objects } from "../objects/index.ts";
import { createLogStore, createStatistics } from "../observe/index.ts";
import { createRegistry, createSyncer, type Registry, type Scope } from "../registry/index.ts";
import type { Repositories } from "../repositories/index.ts";
import { later } from "./later.ts";
import { createMetering } from "./metering.ts";
import { createOwnImages } from "./own-images.ts";
import { createTracing } from "./tracing.ts";

export interface Reporting {
  /** milliseconds since the epoch */
  clock(): number;
  /** told about every failure that is ours */
  report(error: unknown): void;
  /** told what the operator should know and what is no failure */
  note(line: string): void;
}

export interface StoresNeeds extends Reporting {
  /** where the platform listens */
  endpoint(): string;
}

export type Stores = ReturnType<typeof openStores>;

/** Opens everything that is kept in the data directory. Throws ConfigError when the master key does not fit. */
export function openStores(config: Config, { clock, note, report, endpoint }: StoresNeeds) {
  const logs = createLogStore({ dir: join(config.dataDir, "logs"), clock, warn: note });
  const statistics = createStatistics({ clock });
  const sealer = createSealer(unlocked(() => openMasterKey({ dataDir: config.dataDir, file: config.masterKeyFile })));
  let keys: Keys | undefined;
  const registry = createRegistry({
    path: join(config.dataDir, "registry.sqlite"),
    secrets: (named) => {
      const opened = unlocked(() => openKeys({ named, sealer, clock }));
      keys = opened;
      return createFunctionSecrets({ sealer, keys: opened });
    },
    egressDefault: config.egress === "all",
  });
  const { auth, credentials, ofAccount } = authOf(config, { registry, sealer });
  const machine = machineIdentity(builtAgent);
  const claimed = (of: Scope) => registry.accountConcurrency - registry.functions.unreserved(of);
  const metering = createMetering(config, { clock, note, report, claimed });
  const functions = () => {
    metering.metrics.flush();
    return metering.functions.totals.list();
  };
  const repositories = laterRepositories(config, { registry, clock });
  return {
    logs,
    statistics,
    metering,
    tracing: createTracing(config, { clock, note, report, functions }),
    sealer,
    keys,
    registry,
    auth,
    /** what a function's environment is given to sign with; undefined: nobody checks */
    credentials,
    /** what the platform signs with for an account */
    ofAccount,
    objects: laterObjects(config, clock),
    artifacts: createArtifacts({
      dataDir: config.dataDir,
      runtimesDir: config.runtimesDir,
      path: config.path,
      registries: config.registries,
      imageFolders: config.imageFolders,
      repositories: createOwnImages(repositories, endpoint),
      log: note,
    }),
    repositories,
    machine,
    images: createImages({
      directory: join(config.dataDir, "images"),
      machine,
      budgetBytes: config.imageBudgetBytes,
    }),
    emptyDirectory: emptyDirectory(config),
  };
}

const load = createRequire(import.meta.url);

function laterObjects(config: Config, clock: () => number): Objects {
  const directory = join(config.dataDir, "objects");
  const { room } = later<Objects>({
    make: () =>
      (load("../objects/index.ts") as typeof import("../objects/index.ts")).createObjects({
        directory,
        syncer: createSyncer,
        clock,
      }),
    owes: () => existsSync(directory),
    unmade: { bucket: () => undefined, sweep: async () => {}, close() {} },
  });
  return room;
}

function laterRepositories(config: Config, { registry, clock }: { readonly registry: Registry; clock(): number }) {
  const directory = join(config.dataDir, "repositories");
  const { room } = later<Repositories>({
    make: () =>
      (load("../repositories/index.ts") as typeof import("../repositories/index.ts")).createRepositories({
        directory,
        repositories: registry.named("ecr-repository"),
        images: registry.named("ecr-image"),
        blobs: registry.named("ecr-blob"),
        clock,
      }),
    owes: () => existsSync(directory),
    unmade: { sweep() {} },
  });
  return room;
}

/** Checks requests, if it is to; and then the operator has a key of its own, and so has every environment. */
function authOf(
  { auth: mode, account, dataDir }: Config,
  needs: { readonly registry: ReturnType<typeof createRegistry>; readonly sealer: ReturnType<typeof createSealer> },
) {
  if (mode === "off") {
    const ofAccount = (accessKeyId: string, _roleArn?: string) => ({ accessKeyId, secretAccessKey: "test" });
    return { auth: undefined, credentials: () => undefined, ofAccount };
  }
  operatorKey(needs, account, join(dataDir, "operator.json"));
  return {
    auth: createAuth({ mode, ...needs }),
    credentials: createFunctionCredentials(needs),
    ofAccount: createAccountCredentials(needs),
  };
}

/** What a sandbox has where a function's code would be. The same one each time, for images name what they were made of. */
function emptyDirectory(config: Config): string {
  const path = join(config.dataDir, "empty");
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

/** Opens what needs the master key. Throws ConfigError. */
function unlocked<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw error instanceof MasterKeyError ? new ConfigError(`THAW_MASTER_KEY_FILE: ${error.message}`) : error;
  }
}
