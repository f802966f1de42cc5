import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Interpreter {
  /** Lambda's name of the runtime: nodejs22.x, python3.12 */
  readonly runtime: string;
  /** absolute path; undefined: not to be had here, `reason` says why */
  readonly path: string | undefined;
  readonly reason?: string;
}

const cache = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "thaw-interpreters");

/** Node.js of every major version that Lambda has, from npm's own binary packages, downloaded once. */
export async function nodeInterpreters(): Promise<Interpreter[]> {
  const majors = [18, 20, 22, 24, 26];
  const found: Interpreter[] = [];
  for (const major of majors) found.push(await nodeInterpreter(major));
  return found;
}

async function nodeInterpreter(major: number): Promise<Interpreter> {
  const runtime = `nodejs${major}.x`;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `${name}-${major}`);
  const path = join(folder, "package", "bin", "node");
  if (existsSync(path)) return { runtime, path };
  const making = `${folder}.${process.pid}`;
  try {
    mkdirSync(making, { recursive: true });
    const packed = await run("npm", ["pack", "--silent", `${name}@${major}`], { cwd: making });
    const archive = packed.stdout.trim().split("\n").at(-1)!;
    await run("tar", ["-xzf", archive, "package/bin/node"], { cwd: making });
    rmSync(join(making, archive));
    if (!existsSync(folder)) renameSync(making, folder);
    return { runtime, path };
  } catch (error) {
    return { runtime, path: undefined, reason: `cannot get ${name}@${major}: ${(error as Error).message}` };
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Every CPython from 3.6 on that PATH or pyenv has, one a minor version. */
export async function pythonInterpreters(): Promise<Interpreter[]> {
  const found = new Map<string, string>();
  for (const path of pythonCandidates()) {
    const version = await pythonVersion(path);
    if (version !== undefined && !found.has(version)) found.set(version, path);
  }
  const minor = (runtime: string) => Number(runtime.slice(2));
  return [...found]
    .sort(([a], [b]) => minor(a) - minor(b))
    .map(([version, path]) => ({ runtime: `python${version}`, path }));
}

function pythonCandidates(): string[] {
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  const folders = existsSync(pyenv) ? readdirSync(pyenv).map((version) => join(pyenv, version, "bin")) : [];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    // A shim of pyenv is a script that starts one of the interpreters found above, or fails.
    if (folder && !folder.includes("shims")) folders.push(folder);
  }
  const names = /^python3(\.\d+)?$/;
  return folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => names.test(name))
      .map((name) => join(folder, name)),
  );
}

/** "3.11"; undefined for what is not a working CPython from 3.6 on. */
async function pythonVersion(path: string): Promise<string | undefined> {
  const question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])";
  try {
    const { stdout } = await run(path, ["-c", question]);
    const [name, version] = stdout.trim().split(" ");
    return name === "cpython" && Number(version!.slice(2)) >= 6 ? version : undefined;
  } catch {
    return undefined;
  }
}
