import { createCommits } from "./commits.ts";
import { createQueues, type Queues } from "./queues/queues.ts";
import { MessageRefusal } from "./refusal.ts";
import { openMessageStore } from "./store.ts";

export interface MessagesNeeds {
  /** the database file; its folder must exist */
  readonly path: string;
  /** ms since the epoch */
  clock(): number;
  /** Calls back at a moment of the clock, or earlier. Returns what cancels it. */
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
}

/** Queues of SQS, kept on the disk. */
export interface Messages {
  readonly queues: Queues;
  /** Takes up what was left by the process before; to be called once. */
  takeUp(): void;
  /** Who waits for messages gets none: the platform is about to stop. */
  release(): void;
  close(): void;
}

/** Opens the store. Throws what SQLite says about a file that is none. */
export function createMessages(needs: MessagesNeeds): Messages {
  const store = openMessageStore(needs.path);
  let reload = () => {};
  const commits = createCommits({
    transactions: store,
    isRefusal: (error) => error instanceof MessageRefusal,
    undone(error) {
      needs.report(error);
      reload();
    },
  });
  // Timers may come early.
  const schedule: MessagesNeeds["schedule"] = (at, run) => {
    let cancel = () => {};
    const look = () => {
      if (needs.clock() >= at) run();
      else cancel = needs.schedule(at, look);
    };
    cancel = needs.schedule(at, look);
    return () => cancel();
  };
  const queues = createQueues({ ...needs, schedule, store, commits });
  reload = queues.catalogue.reload;
  return {
    queues: queues.queues,
    takeUp: queues.takeUp,
    release: queues.release,
    close() {
      queues.close();
      commits.close();
      store.close();
    },
  };
}
