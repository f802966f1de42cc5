import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Dotnet } from "./dotnet-search.ts";
import { findCompiler } from "./dotnet-search.ts";
import { bootstrapMount } from "./sandbox-paths.ts";

const run = promisify(execFile);
const settings = "Thaw.Runtime.runtimeconfig.json";

/** Mono's compiler, which Debian has: what it makes against mscorlib runs on every .NET through the facades of that name. */
export function findMcs(path: string | undefined): string | undefined {
  return (path ?? "")
    .split(delimiter)
    .map((directory) => join(directory, "mcs"))
    .find(existsSync);
}

/** Where the compiled bootstrap lies, or will. */
export function builtDirectory(shelf: string): string {
  const hash = createHash("sha256");
  for (const file of [...sources(), join(bootstrapMount("dotnet").source, settings)]) hash.update(readFileSync(file));
  return join(shelf, `bootstrap-${hash.digest("hex").slice(0, 16)}`);
}

/** Can the bootstrap be compiled for this .NET, or is it already? */
export function isBuildable(shelf: string, dotnet: Dotnet | undefined, path: string | undefined): boolean {
  if (existsSync(builtDirectory(shelf)) || findMcs(path) !== undefined) return true;
  return dotnet !== undefined && findCompiler(dotnet.root) !== undefined;
}

/**
 * Compiles our bootstrap from its sources, once for all versions of .NET: with Mono's compiler, or with that of an
 * installed SDK. Rejects with what the compiler printed.
 *
 * @returns directory of Thaw.Runtime.dll
 */
export async function buildBootstrap(shelf: string, dotnet: Dotnet, path: string | undefined): Promise<string> {
  const directory = builtDirectory(shelf);
  if (existsSync(directory)) return directory;
  const unfinished = join(shelf, `.unfinished-${randomUUID()}`);
  try {
    mkdirSync(unfinished, { recursive: true });
    const output = [`-out:${join(unfinished, "Thaw.Runtime.dll")}`, "-target:exe", "-optimize+"];
    const mcs = findMcs(path);
    const compiler = findCompiler(dotnet.root);
    if (mcs !== undefined) await run(mcs, [...output, "-langversion:7", "-r:System.Core.dll", ...sources()]);
    else if (compiler !== undefined) {
      const libraries = join(dotnet.root, "shared", "Microsoft.NETCore.App", dotnet.version);
      const references = readdirSync(libraries).filter((name) => /^(System\..*|mscorlib|netstandard)\.dll$/.test(name));
      const from = references.map((name) => `-r:${join(libraries, name)}`);
      await run(join(dotnet.root, "dotnet"), [compiler, "-nologo", "-nostdlib+", ...output, ...from, ...sources()]);
    } else throw new Error("there is no C# compiler; install mono-mcs or a .NET SDK");
    copyFileSync(join(bootstrapMount("dotnet").source, settings), join(unfinished, settings));
    await rename(unfinished, directory).catch((error: NodeJS.ErrnoException) => {
      // Another platform was faster: its build is the same.
      if (!existsSync(directory)) throw error;
    });
    return directory;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function sources(): string[] {
  const folder = join(bootstrapMount("dotnet").source, "source");
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}
