import { randomUUID } from "node:crypto";
import { chmodSync, constants, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { withFetchLock } from "./fetch-lock.ts";
import { fetchNode } from "./npm-fetch.ts";
import type { RuntimeFamily, RuntimesNeeds } from "./runtimes.ts";
import { bootstrapMount, commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

/** Majors that Lambda has or had as nodejsN.x and that our bootstrap can run. */
const majors = [26, 24, 22, 20, 18, 16, 14];

const platform = `${process.platform}-${process.arch}`;

/**
 * Node.js as a managed runtime: official binaries, each under DIRECTORY/nodejs/VERSION-PLATFORM/bin/node. They come from
 * the platform's own engine if it is an official one of that major version, else from the npm registry.
 */
export function createNodeRuntimes(needs: RuntimesNeeds): RuntimeFamily {
  const shelf = join(needs.directory, "nodejs");

  /** Newest complete version of a major on the shelf: what is there was renamed into place. */
  const cached = (major: number): string | undefined =>
    (existsSync(shelf) ? readdirSync(shelf) : [])
      .filter((name) => name.startsWith(`${major}.`) && name.endsWith(`-${platform}`))
      .map((name) => name.slice(0, -platform.length - 1))
      .sort(byVersion)
      .at(-1);

  async function provide(name: string, major: number): Promise<string> {
    return withFetchLock(join(shelf, `.lock-${major}`), async () => {
      const meanwhile = cached(major);
      if (meanwhile !== undefined) return meanwhile;
      const unfinished = join(shelf, `.unfinished-${randomUUID()}`);
      try {
        mkdirSync(unfinished, { recursive: true });
        const version = isOfficialEngine(major)
          ? linkEngine(unfinished)
          : await fetchNode(name, major, unfinished, needs);
        await rename(unfinished, join(shelf, `${version}-${platform}`));
        return version;
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
    });
  }

  return {
    knows: (name) => majorOf(name) !== undefined,
    async get(name) {
      const major = majorOf(name)!;
      if (!majors.includes(major)) throw new RuntimeUnavailable(name, `${name} is not offered; use ${offered()}.`);
      const version = cached(major) ?? (await provide(name, major));
      return distribution(name, major, version, join(shelf, `${version}-${platform}`));
    },
    list: () => Promise.resolve(majors.map((major) => status(major, cached(major), needs.path))),
  };
}

function majorOf(name: string): number | undefined {
  const major = /^nodejs(\d+)\.(x|\d+)$/.exec(name)?.[1];
  return major === undefined ? undefined : Number(major);
}

function offered(): string {
  return majors.map((major) => `nodejs${major}.x`).join(", ");
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Is the engine running this very code of that major version, and one that needs no libraries of its distribution? */
function isOfficialEngine(major: number): boolean {
  const built = Object.entries(process.config.variables);
  const selfContained = built.every(([name, value]) => !name.startsWith("node_shared") || value === false);
  const released = process.release.sourceUrl?.startsWith("https://nodejs.org/download/release/") === true;
  return process.versions.node.startsWith(`${major}.`) && selfContained && released;
}

/** A hard link shares the engine's pages, already in memory; a copy serves where the cache is on another file system. */
function linkEngine(into: string): string {
  const target = join(into, "bin", "node");
  mkdirSync(join(into, "bin"));
  try {
    linkSync(process.execPath, target);
  } catch {
    copyFileSync(process.execPath, target, constants.COPYFILE_FICLONE);
    chmodSync(target, 0o755);
  }
  return process.versions.node;
}

function distribution(name: string, major: number, version: string, directory: string): RuntimeDistribution {
  return {
    name,
    version,
    mounts: [{ source: directory, target: "/var/lang" }, bootstrapMount("nodejs")],
    command: [["/var/lang/bin/node", ...flagsOf(major), "/var/runtime/bootstrap.cjs"]],
    env: {
      ...commonEnv,
      PATH: ["/var/lang/bin", ...programPath].join(":"),
      LD_LIBRARY_PATH: ["/var/lang/lib", ...libraryPath].join(":"),
      NODE_PATH: [
        `/opt/nodejs/node${major}/node_modules`,
        "/opt/nodejs/node_modules",
        "/var/runtime/node_modules",
        "/var/runtime",
        "/var/task",
      ].join(":"),
    },
    link: "frames",
    // module.flushCompileCache(), by which it can be handed over, is there from Node.js 22.10 on.
    compiles: major >= 22,
    tellsDraws: true,
    bare: "any",
  };
}

/** What Lambda starts Node.js with: from 24 on it leaves `require(esm)` and the detection of ES modules as Node.js has them. */
function flagsOf(major: number): string[] {
  const flags = ["--expose-gc", "--max-http-header-size=81920"];
  if (major === 20 || major === 22) flags.push("--no-experimental-require-module");
  if (major === 22) flags.push("--no-experimental-detect-module");
  return flags;
}

function status(major: number, version: string | undefined, path: string | undefined): RuntimeStatus {
  const name = `nodejs${major}.x`;
  if (version !== undefined) return { name, state: "ready", detail: `Node.js ${version}` };
  if (isOfficialEngine(major))
    return { name, state: "ready", detail: `Node.js ${process.versions.node}, the platform's own` };
  const hasNpm = path === undefined || path.split(delimiter).some((directory) => existsSync(join(directory, "npm")));
  if (hasNpm) return { name, state: "fetchable", detail: "fetched through npm on first use (about 50 MB)" };
  return { name, state: "missing", detail: "install npm, which fetches it on first use" };
}
