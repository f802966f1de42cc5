import { closeSync, fdatasync, openSync } from "node:fs";

/** Brings what was committed to the disk without holding up this thread; as many commits as there are share one flush. */
export interface Syncer {
  /** To be called after every commit. */
  committed(): void;
  /** Is there a commit that a power cut could still undo? */
  behind(): boolean;
  /**
   * Resolves when all that was committed before this call would survive a power cut. Rejects with what the disk says, and from
   * then on always: after a failed flush the kernel drops what it could not write, and reports the next one as a success.
   */
  synced(): Promise<void>;
  /** Something was lost in another way: nothing is safe from now on. */
  fail(error: Error): void;
  close(): void;
}

/** `path`: of the write-ahead log, which must exist; undefined: nothing is kept, and nothing has to be flushed. */
export function createSyncer(path: string | undefined): Syncer {
  const fd = path === undefined ? undefined : openSync(path, "r+");
  let commits = 0;
  /** how many commits are on the disk */
  let safe = 0;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failure: Error | undefined;
  let closed = false;

  const behind = () => failure !== undefined || (fd !== undefined && !closed && safe !== commits);

  function flush(): Promise<void> {
    const reached = commits;
    return new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      if (fd === undefined || closed) return resolve();
      fdatasync(fd, (error) => {
        if (error !== null && !closed) {
          failure = error;
          return reject(error);
        }
        safe = Math.max(safe, reached);
        resolve();
      });
    });
  }

  return {
    committed() {
      commits += 1;
    },
    behind,
    synced() {
      if (!behind()) return Promise.resolve();
      // What runs began before this commit, perhaps: the next one is waited for, which everybody shares who comes until then.
      next ??= (running ?? Promise.resolve())
        .catch(() => {})
        .then(() => {
          next = undefined;
          running = flush();
          return running;
        });
      return next;
    },
    fail(error) {
      failure ??= error;
    },
    close() {
      closed = true;
      if (fd !== undefined) closeSync(fd);
    },
  };
}
