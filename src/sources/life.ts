import type { MappingRecord } from "../registry/index.ts";
import { type Counters, createCounters } from "./counters.ts";
import { backoffMs, pause } from "./pause.ts";
import type { Source, SourceNeeds } from "./source.ts";

export type MappingState = "Creating" | "Enabling" | "Enabled" | "Updating" | "Disabling" | "Disabled" | "Deleting";

/** How the reading of a source goes. */
export interface MappingStatus {
  readonly state: MappingState;
  /** undefined: the user's action */
  readonly reason?: string | undefined;
  readonly lastProcessingResult?: string | undefined;
}

export interface LifeNeeds {
  /** who reads this kind of source */
  load(): Promise<Source>;
  /** All but what the life itself keeps. */
  needsOf(
    mapping: MappingRecord,
    counters: Counters,
  ): Omit<SourceNeeds, "count" | "iteratorAge" | "offsetLag" | "result" | "problem">;
  report(error: unknown): void;
}

/** One mapping from its creation to its end: at most one reader at a time. */
export interface Life {
  readonly mapping: MappingRecord;
  readonly counters: Counters;
  /** milliseconds, of the last batch of a stream; undefined: there was none */
  readonly iteratorAgeMs: number | undefined;
  /** records, of topics; undefined: nothing was read */
  readonly offsetLag: number | undefined;
  status(): MappingStatus;
  /** The mapping is another one now; the reader of before ends first. */
  change(mapping: MappingRecord): void;
  /** Resolves when nothing is read any more. */
  end(state: "Deleting" | "Disabled"): Promise<void>;
}

const restart = { first: 1000, most: 60_000 };

export function createLife(first: MappingRecord, isNew: boolean, needs: LifeNeeds): Life {
  const counters = createCounters();
  let mapping = first;
  let state: MappingState = isNew ? "Creating" : first.enabled ? "Enabling" : "Disabled";
  let problem: string | undefined;
  let lastProcessingResult: string | undefined;
  let iteratorAgeMs: number | undefined;
  let offsetLag: number | undefined;
  let stop = new AbortController();
  /** the reader, and everything that waits for its end */
  let turn: Promise<void> = Promise.resolve();

  async function read(record: MappingRecord, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const source = await needs.load();
        if (signal.aborted) return;
        state = "Enabled";
        const reading = source({ ...needs.needsOf(record, counters), ...told() }, signal);
        await reading;
        if (!signal.aborted) throw new Error(`the reader of ${record.uuid} ended by itself`);
      } catch (error) {
        if (signal.aborted) return;
        needs.report(error);
        problem = `PROBLEM: ${(error as Error).message}`;
        failures += 1;
        await pause(backoffMs(failures, restart), signal);
      }
    }
  }

  function told() {
    return {
      count: counters.add,
      iteratorAge(ms: number) {
        iteratorAgeMs = ms;
      },
      offsetLag(records: number) {
        offsetLag = records;
      },
      result(text: string) {
        lastProcessingResult = text;
      },
      problem(text: string | undefined) {
        problem = text;
      },
    };
  }

  /** The reader of before ends, and then this one begins, unless it is another's turn already. */
  function begin(record: MappingRecord): void {
    stop.abort();
    const mine = new AbortController();
    stop = mine;
    turn = turn.then(async () => {
      problem = undefined;
      if (record.enabled) await read(record, mine.signal);
      else if (!mine.signal.aborted) state = "Disabled";
    });
  }

  begin(first);
  return {
    get mapping() {
      return mapping;
    },
    counters,
    get iteratorAgeMs() {
      return iteratorAgeMs;
    },
    get offsetLag() {
      return offsetLag;
    },
    status: () => ({ state, reason: problem, lastProcessingResult }),
    change(record) {
      if (record.enabled !== mapping.enabled) state = record.enabled ? "Enabling" : "Disabling";
      else if (record.enabled) state = "Updating";
      mapping = record;
      begin(record);
    },
    async end(final) {
      state = final === "Deleting" ? "Deleting" : state;
      stop.abort();
      await turn;
    },
  };
}
