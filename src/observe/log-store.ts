import { createLogFile, groupsOnDisk, type LogFile } from "./log-file.ts";
import { createLogRing, type LogRing, type StoredEvent } from "./log-ring.ts";

export interface LogStoreNeeds {
  /** directory of its files, made when first needed */
  readonly dir: string;
  /** milliseconds since the epoch */
  readonly clock: () => number;
  /** told once of every kind of failure (a full disk …); the log goes on in memory */
  readonly warn?: (line: string) => void;
  /** bytes of a group's newest events kept in memory; default 1 MiB */
  readonly memoryBytes?: number;
  /** bytes of one file; a group has at most two; default 16 MiB */
  readonly fileBytes?: number;
  /** longest time in ms that an event is in memory only; default 100 */
  readonly flushMs?: number;
}

export interface LogEvent {
  /** milliseconds since the epoch */
  readonly timestamp: number;
  readonly stream: string;
  readonly message: string;
}

export interface LogQuery {
  readonly account: string;
  readonly group: string;
  /** events with a timestamp of at least this, ms since the epoch */
  readonly since: number;
}

/** Logs of all functions: the newest in memory, all (up to two files a group) on disk, across restarts. */
export interface LogStore {
  /** Returns at once; costs about a microsecond. What comes faster than the disk takes it loses its oldest events. */
  append(account: string, group: string, stream: string, timestampMs: number, message: string): void;
  /** The newest `limit` events, oldest first. Empty for a group nobody wrote to. */
  query(query: LogQuery & { readonly limit: number }): Promise<LogEvent[]>;
  /** All events since a time and then each as it comes, until the signal. A reader slower than the log misses the oldest. */
  follow(query: LogQuery, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /** Events since a time in order of their arrival, with their numbers; `LogEvent` and a number that never comes twice. */
  read(query: LogQuery): Promise<StoredEvent[]>;
  /** Names of the groups that have been written to. Of those with very long names, only since the start. */
  groups(account: string): Promise<string[]>;
  /** Removes the events that `keep` does not hold for, from the disk too. */
  prune(account: string, group: string, keep: (event: StoredEvent) => boolean): Promise<void>;
  /** events lost so far, because the disk was too slow or full */
  dropped(): number;
  /** Resolves when everything appended before is written. */
  flush(): Promise<void>;
  /** Writes the rest and ends the followers. */
  close(): Promise<void>;
}

interface Group {
  readonly ring: LogRing;
  readonly file: LogFile;
  /** number of the newest event */
  last: number;
  /** number of the newest event that is written or being written */
  written: number;
  /** characters appended since the last write began */
  unwritten: number;
  readonly wakers: Set<() => void>;
}

interface History {
  readonly events: StoredEvent[];
  readonly upTo: number;
}

/** Events of one write: bounds the text built at once. */
const batchEvents = 4096;

export function createLogStore(needs: LogStoreNeeds): LogStore {
  const { memoryBytes = 1024 * 1024, fileBytes = 16 * 1024 * 1024, flushMs = 100 } = needs;
  const groups = new Map<string, Group>();
  const dirty = new Set<Group>();
  const closing = new AbortController();
  const warned = new Set<string>();
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;
  let files: Promise<void> = Promise.resolve();

  const keyOf = (account: string, group: string): string => `${account}:${group}`;

  const open = (account: string, name: string): Group => {
    // Numbers go on above those of an earlier life, as long as it wrote less than an event a microsecond.
    const start = needs.clock() * 1000;
    const file = createLogFile(needs.dir, account, name, fileBytes);
    return { ring: createLogRing(memoryBytes), file, last: start, written: start, unwritten: 0, wakers: new Set() };
  };

  const groupOf = (account: string, name: string): Group => {
    let group = groups.get(keyOf(account, name));
    if (group === undefined) {
      group = open(account, name);
      groups.set(keyOf(account, name), group);
    }
    return group;
  };

  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void flush();
    }, flushMs);
    timer.unref();
  };

  /** Files are written and read one after the other: a reader never sees one being replaced by the next. */
  function exclusively<T>(action: () => Promise<T>): Promise<T> {
    const done = files.then(action);
    files = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  function flush(): Promise<void> {
    return exclusively(async () => {
      for (const group of [...dirty]) await write(group);
    });
  }

  function warnOnce(what: "read" | "written", error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (warned.has(`${what} ${code}`)) return;
    warned.add(`${what} ${code}`);
    needs.warn?.(`function logs cannot be ${what}: ${message}`);
  }

  async function write(group: Group): Promise<void> {
    const goal = group.last;
    group.unwritten = 0;
    while (group.written < goal) {
      const events = group.ring.since(group.written).slice(0, batchEvents);
      if (events.length === 0) break;
      group.written = events.at(-1)!.number;
      try {
        await group.file.append(events);
      } catch (error) {
        lost += events.length;
        warnOnce("written", error);
      }
    }
    if (group.written >= group.last) dirty.delete(group);
    else schedule();
  }

  /** The newest `limit` events since a time, oldest first, and the number of the newest there was. */
  function history(group: Group, since: number, limit: number): Promise<History> {
    return exclusively(async () => {
      const inMemory = group.ring.since(0);
      const upTo = group.last;
      const first = inMemory[0];
      let events: StoredEvent[] = [];
      // Times of different streams may be slightly out of order; a second of overlap covers that.
      if (first === undefined || first.timestamp + 1000 >= since) {
        const keep = (event: StoredEvent): void => {
          if (event.timestamp < since || event.number >= (first?.number ?? Number.POSITIVE_INFINITY)) return;
          events.push(event);
          if (events.length > 2 * limit) events = events.slice(Math.max(0, events.length - limit));
        };
        await group.file.read(keep).catch((error: unknown) => warnOnce("read", error));
      }
      for (const event of inMemory) if (event.timestamp >= since) events.push(event);
      return { events: events.slice(Math.max(0, events.length - limit)), upTo };
    });
  }

  return {
    append(account, name, stream, timestampMs, message) {
      const group = groupOf(account, name);
      const event = { number: ++group.last, timestamp: timestampMs, stream, message };
      lost += group.ring.push(event, (oldest) => oldest.number <= group.written);
      dirty.add(group);
      if (timer === undefined) schedule();
      // A burst is written before it fills the memory.
      const before = group.unwritten;
      group.unwritten += message.length + 100;
      if (before < memoryBytes / 4 && group.unwritten >= memoryBytes / 4) void flush();
      for (const wake of group.wakers) wake();
    },
    async query({ account, group, since, limit }) {
      // Asking for a group that nobody writes to must not keep anything in memory.
      const found = groups.get(keyOf(account, group)) ?? open(account, group);
      return (await history(found, since, limit)).events.map(withoutNumber);
    },
    async read({ account, group, since }) {
      const found = groups.get(keyOf(account, group)) ?? open(account, group);
      return (await history(found, since, Number.POSITIVE_INFINITY)).events;
    },
    async groups(account) {
      const names = new Set(await exclusively(() => groupsOnDisk(needs.dir, account)));
      for (const [key, { ring }] of groups) {
        if (key.startsWith(`${account}:`) && ring.first() !== undefined) names.add(key.slice(account.length + 1));
      }
      return [...names].sort();
    },
    async prune(account, name, keep) {
      const group = groupOf(account, name);
      await exclusively(async () => {
        await write(group);
        group.ring.prune(keep);
        await group.file.prune(keep);
      });
    },
    follow({ account, group: name, since }, signal) {
      const group = groupOf(account, name);
      const past = history(group, since, Number.POSITIVE_INFINITY);
      return followGroup(group, past, since, AbortSignal.any([signal, closing.signal]));
    },
    dropped: () => lost,
    flush,
    async close() {
      closing.abort();
      clearTimeout(timer);
      timer = undefined;
      await flush();
      clearTimeout(timer);
    },
  };
}

function withoutNumber({ timestamp, stream, message }: StoredEvent): LogEvent {
  return { timestamp, stream, message };
}

async function* followGroup(
  group: Group,
  history: Promise<History>,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const past = await history;
  let seen = past.upTo;
  for (const event of past.events) {
    if (signal.aborted) return;
    yield event;
  }
  let wake: () => void = () => {};
  const onWake = (): void => wake();
  group.wakers.add(onWake);
  signal.addEventListener("abort", onWake);
  try {
    while (!signal.aborted) {
      const events = group.ring.since(seen);
      for (const event of events) {
        if (signal.aborted) return;
        seen = event.number;
        if (event.timestamp >= since) yield event;
      }
      if (group.last > seen && events.length > 0) continue;
      // Nothing can be appended between the look at the ring and this line: both are in one turn.
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (signal.aborted) resolve();
      });
    }
  } finally {
    group.wakers.delete(onWake);
    signal.removeEventListener("abort", onWake);
  }
}
