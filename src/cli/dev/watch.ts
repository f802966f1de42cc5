import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** What no editor saves into. What changes in node_modules comes with package.json or its lock, which are watched. */
const ignored = new Set([
  "node_modules",
  ".git",
  ".venv",
  "venv",
  "__pycache__",
  ".aws-sam",
  ".serverless",
  ".idea",
  ".vscode",
]);

/** editors write in steps (truncate, write, rename): a few ms without another event are one save */
const quietMs = 8;

/**
 * Calls `changed` with the absolute paths of one save, never twice at the same time. One watch for each folder that matters: a
 * recursive one would hold a descriptor for every package below node_modules.
 */
export async function watchFolder(
  folder: string,
  changed: (paths: ReadonlySet<string>) => Promise<void>,
): Promise<{ close(): void }> {
  const watchers = new Map<string, FSWatcher>();
  let paths = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let closed = false;

  const tell = async (): Promise<void> => {
    timer = undefined;
    if (running || closed) return;
    running = true;
    try {
      while (paths.size > 0 && !closed) {
        const now = paths;
        paths = new Set();
        await changed(now);
      }
    } finally {
      running = false;
    }
  };

  const add = async (at: string): Promise<void> => {
    if (closed || watchers.has(at)) return;
    try {
      const watcher = watch(at, (event, name) => {
        if (name === null || ignored.has(name) || name.endsWith("~") || name.endsWith(".swp")) return;
        paths.add(join(at, name));
        if (event === "rename") void renewed(join(at, name));
        clearTimeout(timer);
        timer = setTimeout(() => void tell(), quietMs);
      });
      watchers.set(at, watcher);
      watcher.on("error", () => drop(at));
      for (const entry of await readdir(at, { withFileTypes: true })) {
        if (entry.isDirectory() && !ignored.has(entry.name)) await add(join(at, entry.name));
      }
    } catch {
      // gone already
      drop(at);
    }
  };
  /** What has come, gone or been replaced may be a folder. */
  const renewed = async (at: string): Promise<void> => {
    drop(at);
    const isFolder = await stat(at).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isFolder) await add(at);
  };
  const drop = (at: string): void => {
    watchers.get(at)?.close();
    watchers.delete(at);
  };

  await add(folder);
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      for (const at of [...watchers.keys()]) drop(at);
    },
  };
}
