import { createCommits } from "./commits.ts";
import { createQueues, type Queues } from "./queues/queues.ts";
import { MessageRefusal } from "./refusal.ts";
import { openMessageStore } from "./store.ts";
import { createTopics, type Topics, type TopicsNeeds } from "./topics/topics.ts";

export interface MessagesNeeds extends Pick<TopicsNeeds, "endpoint" | "toFunction" | "toUrl" | "note"> {
  /** the database file; its folder must exist */
  readonly path: string;
  /** ms since the epoch */
  clock(): number;
  /** Calls back at a moment of the clock, or earlier. Returns what cancels it. */
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
}

/** Queues of SQS and topics of SNS, kept on the disk. */
export interface Messages {
  readonly queues: Queues;
  readonly topics: Topics;
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
  const common = { ...needs, schedule, store, commits };
  const queues = createQueues(common);
  const topics = createTopics({ ...common, queues: queues.catalogue, arrived: queues.arrived });
  reload = () => {
    queues.catalogue.reload();
    topics.reload();
  };
  return {
    queues: queues.queues,
    topics: topics.topics,
    takeUp() {
      queues.takeUp();
      topics.takeUp();
    },
    release: queues.release,
    close() {
      queues.close();
      topics.close();
      commits.close();
      store.close();
    },
  };
}
