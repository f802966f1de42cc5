import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Jdk } from "./java-search.ts";
import { bootstrapMount } from "./sandbox-paths.ts";

/** How long a training run may take on a busy machine. */
const patienceMs = 90_000;

/** Name of the archive that this JDK can make of its classes; undefined before Java 13 (JEP 350), whose own archive it has to do with. */
export function archiveName(jdk: Jdk): string | undefined {
  if (jdk.major >= 25) return "base.aot"; // JEP 514: record and make in one run
  return jdk.major >= 13 ? "base.jsa" : undefined;
}

/**
 * Makes the archive of parsed and linked classes of JDK and client in `directory` by one run of the client
 * (runtimes/java/training.mjs), unless it is there. The paths of the jars are part of it, so `directory` has to be where
 * functions see it. Rejects with what the JVM said; nothing is left behind then, and functions start without.
 */
export async function trainArchive(jdk: Jdk, directory: string): Promise<void> {
  const name = archiveName(jdk);
  if (name === undefined || existsSync(join(directory, name))) return;
  removeAbandoned(directory);
  const unfinished = join(directory, `.unfinished-${randomUUID()}`);
  const option = name.endsWith(".aot") ? "-XX:AOTCacheOutput" : "-XX:ArchiveClassesAtExit";
  try {
    const said = await train([join(jdk.home, "bin", "java"), String(jdk.major), directory, `${option}=${unfinished}`]);
    if (!existsSync(unfinished)) throw new Error(`no archive was made; the JVM said: ${said}`);
    renameSync(unfinished, join(directory, name));
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** What a platform that ended meanwhile did not take over. */
function removeAbandoned(directory: string): void {
  for (const name of readdirSync(directory).filter((each) => each.startsWith(".unfinished-"))) {
    const { mtimeMs } = statSync(join(directory, name), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > patienceMs) rmSync(join(directory, name), { force: true });
  }
}

/** Resolves with the end of what was printed, whatever the outcome. */
function train(args: readonly string[]): Promise<string> {
  const script = join(bootstrapMount("java").source, "training.mjs");
  return new Promise((resolve) => {
    const options = { timeout: patienceMs, env: {} };
    execFile(process.execPath, [script, ...args], options, (_failure, output, complaints) =>
      resolve(`${output}${complaints}`.trim().slice(-2000)),
    );
  });
}
