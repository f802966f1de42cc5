import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { release, version } from "node:os";

/**
 * Digest of everything about this machine that the image of a process depends on: kernel and this boot of it, CPU model and
 * features (code compiled at run time uses what it found), and the agent, which is the image's format.
 *
 * @param agent path of thaw-agent
 */
export function machineIdentity(agent: string): string {
  const hash = createHash("sha256");
  for (const part of [release(), version(), readOr("/proc/sys/kernel/random/boot_id"), cpuFeatures(), process.arch]) {
    hash.update(part).update("\0");
  }
  return hash.update(readFileSync(agent)).digest("hex");
}

/** Model and feature lines of all CPUs, each once: a process may run on any of them. */
function cpuFeatures(): string {
  const lines = readOr("/proc/cpuinfo").split("\n");
  const telling = lines.filter((line) => /^(model name|flags|Features|CPU part)\s*:/.test(line));
  return [...new Set(telling)].sort().join("\n");
}

/** Elsewhere than on Linux there are no images, so nothing depends on it. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
