import { mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { CodeRef } from "../model/index.ts";
import type { Artifacts } from "./artifacts.ts";
import { createCompiled } from "./compiled.ts";
import { createContainerImages, createEndpoints, type FindOwn, type RegistrySettings } from "./container/index.ts";
import { mergeTrees } from "./merge.ts";
import { createRuntimes } from "./runtimes.ts";
import { createSingleFlight } from "./single-flight.ts";
import { mergeKey, sweep } from "./sweep.ts";
import { createTrees } from "./trees.ts";
import { unpack } from "./unpack.ts";
import { readZipDirectory } from "./zip-directory.ts";
import { createZipStore, sha256 } from "./zip-store.ts";

export interface ArtifactsNeeds {
  /** directory of this platform's data; only one platform uses it at a time */
  readonly dataDir: string;
  /** fetched language runtimes, shared between data directories; default ~/.cache/thaw/runtimes */
  readonly runtimesDir?: string;
  /** where to look for interpreters (the value of PATH); default: the usual directories */
  readonly path?: string;
  /** registries of container images; default: AWS's own, and no password */
  readonly registries?: RegistrySettings;
  /** folders of this machine from which images may be named by path; default: none */
  readonly imageFolders?: readonly string[];
  /** repositories of images of this platform's own; default: none */
  readonly repositories?: FindOwn;
  /** one line for the operator: what is being fetched, what was found */
  readonly log: (line: string) => void;
}

/** How long what nobody refers to is kept: longer than an upload takes, and than an environment drains. */
const defaultGraceMs = 60 * 60 * 1000;

/** Opens (or makes) the store under `dataDir`. What a crash left half-done is removed first. */
export function createArtifacts(needs: ArtifactsNeeds): Artifacts {
  const temporary = join(needs.dataDir, "unfinished");
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const zips = createZipStore(join(needs.dataDir, "blobs"), temporary);
  const unpackedTrees = createTrees(join(needs.dataDir, "unpacked"), temporary);
  const merged = createTrees(join(needs.dataDir, "layers"), temporary);
  const compiledTrees = join(needs.dataDir, "compiled");
  const compiled = createCompiled(createTrees(compiledTrees, temporary), compiledTrees);
  const runtimes = createRuntimes({
    directory: needs.runtimesDir ?? join(homedir(), ".cache", "thaw", "runtimes"),
    path: needs.path,
    log: needs.log,
  });
  const containers = join(needs.dataDir, "containers");
  const images = createContainerImages({
    directory: containers,
    roots: createTrees(join(containers, "roots"), temporary),
    endpoints: createEndpoints(needs.registries ?? { logins: {} }),
    folders: needs.imageFolders ?? [],
    own: needs.repositories,
  });
  const puts = createSingleFlight<void>();
  /** digest of a zip → bytes */
  const unzipped = new Map<string, number>();

  const unpacked = ({ digest }: CodeRef): Promise<string> =>
    unpackedTrees.get(digest, async (into) => unpack(await zips.get(digest), into));

  return {
    async putZip(bytes) {
      const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const digest = await sha256(zip);
      await puts.get(digest, async () => {
        // Unpacking is the check, and the first start will want the tree: one pass does for both.
        await unpackedTrees.get(digest, (into) => unpack(zip, into));
        if (zips.has(digest)) await zips.touch(digest);
        else await zips.put(digest, zip);
      });
      puts.forget(digest);
      return { digest, size: zip.length };
    },
    getZip: ({ digest }) => zips.get(digest),
    async unzippedBytes({ digest }) {
      const known = unzipped.get(digest) ?? (await readZipDirectory(await zips.get(digest))).bytes;
      unzipped.set(digest, known);
      return known;
    },
    unpacked,
    async layers(layers) {
      if (layers.length === 0) return undefined;
      const trees = await Promise.all(layers.map(unpacked));
      if (trees.length === 1) return trees[0];
      return merged.get(mergeKey(layers), (into) => mergeTrees(trees, into));
    },
    runtime: runtimes.get,
    runtimes: runtimes.list,
    images,
    sweep: (live, graceMs = defaultGraceMs) => sweep({ zips, unpacked: unpackedTrees, merged }, live, graceMs),
    compiled,
    storedBytes: zips.size,
  };
}
