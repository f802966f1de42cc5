import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  cgroupsOf,
  childrenOf,
  descendants,
  entriesOf,
  launchersAmong,
  linkOf,
  networksOf,
  readText,
} from "../../bench/subject/proc.ts";
import type { Server } from "../e2e/server.ts";

/** Everything of a platform that a sandbox could leave behind. Linux only: read from /proc and the cgroup file systems. */
export interface Traces {
  /** the platform's descendants, by name */
  readonly processes: readonly string[];
  /** mount points seen by the platform and by its launcher */
  readonly mounts: number;
  /** control groups of its sandboxes, in every hierarchy */
  readonly cgroups: number;
  /** network namespaces in use by its descendants */
  readonly networks: number;
  /** open files, sockets excluded, of the platform; all of the launcher's */
  readonly descriptors: number;
  /** in the data directory; what the store of code, the logs and the database hold is theirs to keep */
  readonly files: readonly string[];
}

/** The native launcher of a platform with containers; undefined while there is none. */
export function launcherOf(server: Server): number | undefined {
  return launchersAmong(childrenOf(server.process.pid!))[0];
}

/** Lines of /proc/self/mountinfo that name a path. */
export function mountsAt(path: string): string[] {
  return readText("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(path));
}

export function tracesOf(server: Server): Traces {
  const platform = server.process.pid!;
  const launcher = launcherOf(server);
  const below = descendants(platform);
  const mounts = (pid: number) => readText(`/proc/${pid}/mountinfo`).split("\n").length;
  return {
    processes: below.map(({ name, zombie }) => (zombie ? `${name} (zombie)` : name)).sort(),
    mounts: mounts(platform) + (launcher ? mounts(launcher) : 0),
    cgroups: launcher ? cgroupsOf(launcher).length : 0,
    networks: networksOf(below.map(({ pid }) => pid)),
    descriptors:
      descriptorsOf(platform).filter((to) => !/^socket:|\/logs\//.test(to)).length +
      // but for disks for /tmp (mounts nobody can see, which read as "/"), of which its stock holds now more, now fewer
      (launcher ? descriptorsOf(launcher).filter((to) => to !== "/").length : 0),
    files: filesIn(server.dataDir),
  };
}

/** Polls until `look` is satisfied. Throws with what it saw last after `ms`. */
export async function until<T>(look: () => T | Promise<T>, good: (seen: T) => boolean, ms = 5000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`still so after ${ms} ms: ${JSON.stringify(seen, null, 1)}`);
    await delay(20);
  }
}

const keptByStores = /^(blobs|compiled|containers|layers|logs|objects|unpacked)\/|^\w+\.sqlite/;
/** Of an image that is no function's: a runtime's, kept for whoever uses it next. It is beside such a note. */
const runtimeImage = /"region":""/;

/** Walked by hand: what disappears while it is looked at is no error. */
function filesIn(dir: string): string[] {
  const look = (below: string): string[] =>
    entriesOf(join(dir, below)).flatMap((entry) => {
      const path = join(below, entry.name);
      return [...(keptByStores.test(path) ? [] : [path]), ...(entry.isDirectory() ? look(path) : [])];
    });
  const found = look("");
  const ofRuntimes = new Set(
    found
      .filter((path) => path.endsWith(".json") && runtimeImage.test(readText(join(dir, path))))
      .map((path) => path.slice(0, -".json".length)),
  );
  return found.filter((path) => !ofRuntimes.has(path.replace(/\.(image|json)$/, ""))).sort();
}

function descriptorsOf(pid: number): string[] {
  return entriesOf(`/proc/${pid}/fd`).map(({ name }) => linkOf(`/proc/${pid}/fd/${name}`));
}
