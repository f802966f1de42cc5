import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createSingleFlight } from "./single-flight.ts";

/**
 * Directories that can be made again, each under its key, each complete or absent. They are not fsynced, which would
 * cost more than making them: after a reboot of the machine, when their blocks may never have reached the disk, all are
 * dropped.
 */
export interface Trees {
  /** The directory of `key`, made by `fill` (which gets a path that does not exist yet) if it is not there. */
  get(key: string, fill: (path: string) => Promise<void>): Promise<string>;
  /** Keys of what is there, with the time each was made in ms since 1970. */
  list(): { readonly key: string; readonly madeAt: number }[];
  remove(key: string): Promise<void>;
}

/** @param directory theirs alone; @param temporary on the same file system */
export function createTrees(directory: string, temporary: string): Trees {
  dropAfterReboot(directory);
  mkdirSync(directory, { recursive: true });
  const flights = createSingleFlight<string>();

  async function make(path: string, fill: (path: string) => Promise<void>): Promise<string> {
    const unfinished = join(temporary, randomUUID());
    try {
      await fill(unfinished);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
    return path;
  }

  return {
    get(key, fill) {
      const path = join(directory, key);
      return flights.get(key, async () => (existsSync(path) ? path : make(path, fill)));
    },
    list: () =>
      readdirSync(directory)
        .filter((key) => !key.startsWith("."))
        .map((key) => ({ key, madeAt: statSync(join(directory, key)).ctimeMs })),
    async remove(key) {
      flights.forget(key);
      const doomed = join(temporary, randomUUID());
      await rename(join(directory, key), doomed); // at once, so that nobody ever sees half of it
      await rm(doomed, { recursive: true, force: true });
    },
  };
}

function dropAfterReboot(directory: string): void {
  const boot = bootId();
  const mark = join(directory, ".boot");
  if (boot === undefined) return;
  if (existsSync(mark) && readFileSync(mark, "utf8") === boot) return;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(mark, boot);
}

/** Linux names each boot (random(4), boot_id); elsewhere trees are kept. */
function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}
