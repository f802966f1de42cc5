import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import { RuntimeUnavailable } from "./artifacts.ts";
import { compiledBootstrap } from "./python-bootstrap.ts";
import type { Interpreter } from "./python-search.ts";
import { createInterrogator, interpreterPaths } from "./python-search.ts";
import type { RuntimeFamily, RuntimesNeeds } from "./runtimes.ts";
import { bootstrapMount, commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

/** Lambda's current minors of Python 3, listed even where no interpreter is found. */
const offeredMinors = [15, 14, 13, 12, 11, 10, 9];

/** Older ones our bootstrap is not written for. */
const oldestMinor = 6;

/**
 * Python as a managed runtime: interpreters that this machine has. Of several of one minor version the choice is, in
 * this order: one that has boto3, as Lambda's own; one that is complete in its own prefix (pyenv, uv, asdf, self-built)
 * before the distribution's, whose packages are the machine's business; the newest.
 */
export function createPythonRuntimes(needs: RuntimesNeeds): RuntimeFamily {
  const interrogate = createInterrogator(join(needs.directory, "python", "interpreters.json"));

  const find = async (minor: number | undefined): Promise<Interpreter[]> => {
    const programs = interpreterPaths(needs.path).filter(
      (program) => minor === undefined || program.endsWith(`/python3.${minor}`),
    );
    const answers = await Promise.all(programs.map(interrogate));
    return answers.filter((answer) => answer !== undefined && answer.prefix === answer.basePrefix) as Interpreter[];
  };

  return {
    knows: (name) => /^python[23]\.\d+$/.test(name),
    async get(name) {
      const minor = Number(name.split(".")[1]);
      const found = name.startsWith("python3.") && minor >= oldestMinor ? choose(await find(minor)) : undefined;
      if (found === undefined) throw new RuntimeUnavailable(name, howToInstall(name));
      const bootstrap = await compiledBootstrap(
        bootstrapMount("python").source,
        join(needs.directory, "python"),
        found,
      );
      return distribution(name, minor, found, bootstrap);
    },
    async list() {
      const found = await find(undefined);
      const minors = found.map(minorOf).filter((minor) => minor >= oldestMinor);
      return [...new Set([...offeredMinors, ...minors])]
        .sort((a, b) => b - a)
        .map((minor) =>
          status(
            minor,
            found.filter((one) => minorOf(one) === minor),
          ),
        );
    },
  };
}

function minorOf(interpreter: Interpreter): number {
  return Number(interpreter.version.split(".")[1]);
}

function choose(candidates: readonly Interpreter[]): Interpreter | undefined {
  const rank = (one: Interpreter): number => (hasBoto3(one) ? 2 : 0) + (isOutsideUsr(one) ? 1 : 0);
  return candidates.toSorted(
    (a, b) => rank(b) - rank(a) || b.version.localeCompare(a.version, "en", { numeric: true }),
  )[0];
}

/** Looked up on disk rather than remembered: packages come and go without the interpreter changing. */
function hasBoto3(interpreter: Interpreter): boolean {
  return interpreter.sitePackages.some((directory) => existsSync(join(directory, "boto3", "__init__.py")));
}

/** The host's /usr is part of every sandbox; anything else has to be mounted. */
function isOutsideUsr(interpreter: Interpreter): boolean {
  return interpreter.prefix !== "/usr" && !interpreter.prefix.startsWith("/usr/");
}

function distribution(name: string, minor: number, interpreter: Interpreter, bootstrap: string): RuntimeDistribution {
  const { prefix, executable, libraryDirectory } = interpreter;
  const own = isOutsideUsr(interpreter);
  return {
    name,
    version: interpreter.version,
    // At its own path: an interpreter, its scripts and its library know where they were installed.
    mounts: [...(own ? [{ source: prefix, target: prefix }] : []), { ...bootstrapMount("python"), source: bootstrap }],
    // -s: no packages of a home directory; -S: the bootstrap adds the installed ones itself, without their .pth files
    command: [[executable, "-s", "-S", "/var/runtime/bootstrap.py"]],
    env: {
      ...commonEnv,
      PATH: [...(own ? [join(prefix, "bin")] : []), ...programPath].join(":"),
      LD_LIBRARY_PATH: [...(own && libraryDirectory !== undefined ? [libraryDirectory] : []), ...libraryPath].join(":"),
      PYTHONPATH: [`/opt/python/lib/python3.${minor}/site-packages`, "/opt/python", "/var/runtime"].join(":"),
      PYTHONDONTWRITEBYTECODE: "1", // /var/task and /opt are read-only
    },
    link: "frames",
    compiles: true,
    tellsDraws: true,
    bare: "any",
  };
}

function status(minor: number, candidates: readonly Interpreter[]): RuntimeStatus {
  const name = `python3.${minor}`;
  const chosen = choose(candidates);
  if (chosen === undefined) return { name, state: "missing", detail: howToInstall(name) };
  const boto3 = hasBoto3(chosen) ? "" : `; it has no boto3 (${chosen.executable} -m pip install boto3)`;
  return { name, state: "ready", detail: `Python ${chosen.version}, ${chosen.executable}${boto3}` };
}

function howToInstall(name: string): string {
  if (!name.startsWith("python3.") || Number(name.split(".")[1]) < oldestMinor) {
    return `${name} is not offered; use python3.${oldestMinor} or later.`;
  }
  const version = name.slice("python".length);
  return `No ${name} was found on this machine; install it, for example with: uv python install ${version} (or pyenv install ${version}).`;
}
