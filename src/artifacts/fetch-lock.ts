import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";

/** A lock whose holder has not touched it for so long is a dead one's. */
const staleMs = 20_000;
const touchMs = 2_000;
const retryMs = 250;

/**
 * Runs `action` while holding a lock file, so that two platforms do not fetch the same thing at once. Waits for its
 * turn; a holder that died is recognised by a lock file nobody touches any more (process ids mean nothing across
 * containers). The lock only saves work: what it guards must stand two at a time, which the break of a stale lock allows.
 */
export async function withFetchLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  while (!tryLock(path)) await setTimeout(retryMs);
  const heartbeat = setInterval(() => touch(path), touchMs);
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    closeSync(openSync(path, "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (touched !== undefined && Date.now() - touched > staleMs) rmSync(path, { force: true });
    return false;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody took it for stale: both go on, and the rename at the end decides.
  }
}
