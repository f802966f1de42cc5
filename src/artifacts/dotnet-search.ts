import { existsSync, readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** A version of .NET on this machine. */
export interface Dotnet {
  /** folder that holds the program `dotnet` and `shared/` */
  readonly root: string;
  /** of the shared framework: 8.0.11 */
  readonly version: string;
}

const framework = join("shared", "Microsoft.NETCore.App");

/** Every runtime of every installation on PATH and where Microsoft, Linux distributions and asdf put them, newest first. */
export function findDotnets(path: string | undefined): Dotnet[] {
  const home = homedir();
  const roots = new Set<string>();
  for (const directory of (path ?? "").split(delimiter).filter((each) => each.startsWith("/"))) {
    const program = join(directory, "dotnet");
    if (existsSync(program)) roots.add(dirname(realpathSync(program)));
  }
  const usual = ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet", join(home, ".dotnet")];
  for (const root of usual.filter((each) => existsSync(join(each, "dotnet")))) roots.add(realpathSync(root));
  return [...roots].flatMap(dotnetsAt).sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
}

/** The released runtimes of one installation. */
export function dotnetsAt(root: string): Dotnet[] {
  return children(join(root, framework))
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .map((version) => ({ root, version }));
}

/** Roslyn of an installed SDK, newest first: a program for `dotnet`. */
export function findCompiler(root: string): string | undefined {
  return children(join(root, "sdk"))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((version) => join(root, "sdk", version, "Roslyn", "bincore", "csc.dll"))
    .find(existsSync);
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
