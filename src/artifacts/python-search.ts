import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";

/** What an interpreter says about itself. */
export interface Interpreter {
  /** exact: 3.11.7 */
  readonly version: string;
  /** absolute path of the program inside its installation */
  readonly executable: string;
  /** sys.prefix; the same as basePrefix unless it is a virtual environment */
  readonly prefix: string;
  readonly basePrefix: string;
  /** directory of libpython, when the program is linked to it */
  readonly libraryDirectory: string | undefined;
  readonly sitePackages: readonly string[];
}

/** Asked of each interpreter, isolated (-I) so that no variable or user directory colours the answer. */
const question = `
import json, site, sys, sysconfig
shared = sysconfig.get_config_var("Py_ENABLE_SHARED")
print(json.dumps({
  "version": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable,
  "prefix": sys.prefix, "basePrefix": sys.base_prefix,
  "libraryDirectory": sysconfig.get_config_var("LIBDIR") if shared else None,
  "sitePackages": site.getsitepackages(),
}))`;

/**
 * Programs named python3.N on PATH, in the usual directories, and where pyenv, asdf, uv and manylinux images install
 * them; each once, whatever links lead to it. Shims of version managers are scripts, not interpreters, and left out.
 */
export function interpreterPaths(path: string | undefined): string[] {
  const home = homedir();
  const directories = [
    ...(path ?? "").split(delimiter).filter((directory) => directory.startsWith("/") && !directory.endsWith("/shims")),
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    ...installations(join(home, ".pyenv", "versions")),
    ...pyenvRoots(path).flatMap((root) => installations(join(root, "versions"))),
    ...installations(join(home, ".asdf", "installs", "python")),
    ...installations(join(home, ".local", "share", "uv", "python")),
    ...installations("/opt/python"),
    ...children("/opt")
      .filter((name) => name.startsWith("python"))
      .map((name) => join("/opt", name, "bin")),
  ];
  const found = new Map<string, string>();
  for (const directory of new Set(directories)) {
    for (const name of children(directory).filter((child) => /^python3\.\d+$/.test(child))) {
      const program = join(directory, name);
      if (existsSync(program)) found.set(realpathSync(program), program);
    }
  }
  return [...found.values()];
}

/** A pyenv elsewhere than in the home directory shows on PATH by its shims. */
function pyenvRoots(path: string | undefined): string[] {
  return (path ?? "")
    .split(delimiter)
    .filter((directory) => basename(directory) === "shims")
    .map((directory) => dirname(directory));
}

function installations(directory: string): string[] {
  return children(directory).map((name) => join(directory, name, "bin"));
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Asks interpreters about themselves, once each: answers are kept in `file` under path, size and time of change. */
export function createInterrogator(file: string): (program: string) => Promise<Interpreter | undefined> {
  let answers: Record<string, Interpreter | undefined> | undefined;
  return async (program) => {
    answers ??= read(file);
    const real = realpathSync(program);
    const { size, mtimeMs } = statSync(real);
    const key = `${real}:${size}:${mtimeMs}`;
    const known = answers[key];
    if (known !== undefined) return known;
    const answer = await ask(program);
    if (answer === undefined) return undefined;
    answers[key] = answer;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(answers, undefined, 1));
    return answer;
  };
}

function read(file: string): Record<string, Interpreter> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, Interpreter>;
  } catch {
    return {}; // absent, or cut off by a crash: everything is asked again
  }
}

/** undefined when the program is broken: it cannot be a runtime, and that is all that matters. */
function ask(program: string): Promise<Interpreter | undefined> {
  return new Promise((resolve) => {
    execFile(program, ["-I", "-c", question], { timeout: 10_000 }, (error, output) => {
      if (error !== null) return resolve(undefined);
      const answer = JSON.parse(output) as Omit<Interpreter, "libraryDirectory"> & { libraryDirectory: string | null };
      resolve({ ...answer, libraryDirectory: answer.libraryDirectory ?? undefined });
    });
  });
}
