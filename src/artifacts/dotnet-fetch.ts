import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { RuntimeUnavailable } from "./artifacts.ts";
import type { Dotnet } from "./dotnet-search.ts";
import { withFetchLock } from "./fetch-lock.ts";
import { unpack } from "./unpack.ts";

/** A Python package of Microsoft's that holds a runtime: despite its name, .NET Core 3.1. */
const wheel = {
  requirement: "dotnetcore2==3.1.23",
  version: "3.1.23",
  sha256: "5f076ddc39da0c685e7de20ecb91ee81185928918ec86fbeb3bffc55dd867ab5",
};

const fetchedRoot = (shelf: string): string => join(shelf, `${wheel.version}-linux-x64`);

/** The fetched runtime, if it is there. */
export function fetched(shelf: string): Dotnet | undefined {
  const root = fetchedRoot(shelf);
  return existsSync(root) ? { root, version: wheel.version } : undefined;
}

/** Is there a Python whose pip could fetch it, on a machine that it runs on? */
export function isFetchable(path: string | undefined): boolean {
  const fits = process.platform === "linux" && process.arch === "x64";
  return fits && (path ?? "").split(delimiter).some((directory) => existsSync(join(directory, "python3")));
}

/** Fetches .NET Core 3.1 through the user's own pip. Rejects with RuntimeUnavailable. */
export async function fetchDotnet(name: string, shelf: string, log: (line: string) => void): Promise<Dotnet> {
  return withFetchLock(join(shelf, ".lock"), async () => {
    const meanwhile = fetched(shelf);
    if (meanwhile !== undefined) return meanwhile;
    log(`${name}: fetching .NET Core ${wheel.version} through pip (31 MB) …`);
    const work = join(shelf, `.unfinished-${randomUUID()}`);
    try {
      mkdirSync(work, { recursive: true });
      const file = await download(work);
      const bytes = readFileSync(file);
      if (createHash("sha256").update(bytes).digest("hex") !== wheel.sha256) {
        throw new Error("the package is not the one that Microsoft published");
      }
      await unpack(bytes, join(work, "unpacked"));
      const root = join(work, "unpacked", "dotnetcore2", "bin");
      chmodSync(join(root, "dotnet"), 0o755);
      renameSync(root, fetchedRoot(shelf));
      return { root: fetchedRoot(shelf), version: wheel.version };
    } catch (error) {
      const message = `${name} could not be fetched: ${(error as Error).message}`;
      throw new RuntimeUnavailable(name, message, { cause: error });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function download(into: string): Promise<string> {
  const options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", into];
  await promisify(execFile)("python3", ["-m", "pip", "download", ...options, wheel.requirement]);
  const file = readdirSync(into).find((each) => each.endsWith(".whl"));
  if (file === undefined) throw new Error("pip brought no wheel");
  return join(into, file);
}
