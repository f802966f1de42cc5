/** What a transaction is made of. */
export interface Transactions {
  begin(): void;
  commit(): void;
  rollback(): void;
  /** Resolves when all that was committed is on the disk. */
  synced(): Promise<void>;
}

/**
 * One transaction for all that happens in one turn of the event loop, and one flush for all turns that end while the disk
 * works: the busier it is, the more share both. Changes are made at once and read back by whoever comes next; that they are
 * safe is what callers wait for.
 */
export interface Commits {
  /** Changes rows. What it throws as a refusal has changed nothing; any other error undoes the whole turn. */
  change<T>(work: () => T): T;
  /** Resolves when all changes so far survive the end of this process. Rejects when they were undone. */
  committed(): Promise<void>;
  /** Resolves when all changes so far survive a power cut. Rejects when they were undone, or the disk failed. */
  durable(): Promise<void>;
  /** Commits what is open. */
  close(): void;
}

export interface CommitsNeeds {
  readonly transactions: Transactions;
  /** Is this error one that was thrown before anything was changed? */
  isRefusal(error: unknown): boolean;
  /** What was changed in this turn is undone: what memory knows of it is wrong. */
  undone(error: unknown): void;
}

type Settled = { resolve(): void; reject(error: unknown): void };

export function createCommits({ transactions, isRefusal, undone }: CommitsNeeds): Commits {
  let open = false;
  let waiting: Settled[] = [];
  let wantDisk: Settled[] = [];
  let flushing = false;

  function fail(error: unknown): void {
    open = false;
    try {
      transactions.rollback();
    } finally {
      const failed = waiting;
      waiting = [];
      undone(error);
      for (const { reject } of failed) reject(error);
    }
  }

  function commit(): void {
    if (!open) return;
    try {
      transactions.commit();
    } catch (error) {
      fail(error);
      return;
    }
    open = false;
    const done = waiting;
    waiting = [];
    for (const { resolve } of done) resolve();
  }

  async function flush(): Promise<void> {
    flushing = true;
    // All who waited for the same commit have come by then: else all but the first would wait for another flush.
    await undefined;
    while (wantDisk.length > 0) {
      const batch = wantDisk;
      wantDisk = [];
      try {
        await transactions.synced();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    flushing = false;
  }

  const committed = () =>
    open ? new Promise<void>((resolve, reject) => waiting.push({ resolve, reject })) : Promise.resolve();

  return {
    change(work) {
      if (!open) {
        transactions.begin();
        open = true;
        setImmediate(commit);
      }
      try {
        return work();
      } catch (error) {
        if (!isRefusal(error)) fail(error);
        throw error;
      }
    },
    committed,
    async durable() {
      await committed();
      await new Promise<void>((resolve, reject) => {
        wantDisk.push({ resolve, reject });
        if (!flushing) void flush();
      });
    },
    close: commit,
  };
}
