import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Interpreter } from "./python-search.ts";

/**
 * Our bootstrap with its bytecode, one copy for each interpreter version under `shelf`: a sandbox cannot write bytecode,
 * and compiling at every start costs 4–7 ms. The directory's name holds a digest of the sources, so a change makes a new one.
 * Without bytecode (compileall failed) it still works.
 */
export async function compiledBootstrap(sources: string, shelf: string, interpreter: Interpreter): Promise<string> {
  const target = join(shelf, `bootstrap-${interpreter.version}-${digestOf(sources)}`);
  if (existsSync(target)) return target;
  const unfinished = join(shelf, `.unfinished-${randomUUID()}`);
  try {
    cpSync(sources, unfinished, { recursive: true, filter: (path) => !path.endsWith("__pycache__") });
    // Bytecode that trusts itself (PEP 552, Python 3.7 and later) saves a stat of each source at every start.
    const trusting = Number(interpreter.version.split(".")[1]) >= 7 ? ["--invalidation-mode", "unchecked-hash"] : [];
    await promisify(execFile)(interpreter.executable, ["-I", "-m", "compileall", "-q", ...trusting, unfinished]).catch(
      () => undefined,
    );
    await rename(unfinished, target).catch((error: NodeJS.ErrnoException) => {
      // Another platform was faster: its copy is the same.
      if (!existsSync(target)) throw error;
    });
    return target;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function digestOf(directory: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    if (name.endsWith(".py")) hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
