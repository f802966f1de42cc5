import type { Posting } from "../model/index.ts";
import { occasions } from "./expression.ts";
import type { BusesNeeds } from "./needs.ts";
import type { Advance, StoredTimed, TimedStore } from "./store.ts";

/** What one that was due asks for. */
export interface Occasion {
  readonly postings: readonly Posting[];
  /** ms since the epoch; undefined: never again */
  readonly next: number | undefined;
  /** how much later than `next` it is done, ms */
  readonly delay: number;
  /** it goes when there is no next */
  readonly ends: boolean;
}

export interface ClockworkNeeds extends Pick<BusesNeeds, "clock" | "schedule" | "post" | "report"> {
  readonly store: Pick<TimedStore, "due" | "nextDue" | "advance">;
  /**
   * Reads what is due and says what is to be done, `scheduled` being the occasion that it is done for. Undefined: nothing any
   * more, it goes.
   */
  occasion(timed: StoredTimed, now: number): Occasion | undefined;
}

/** Does what is due, when it is due: one timer for all of them. */
export interface Clockwork {
  /** Something else may be due next. */
  look(): void;
  stop(): Promise<void>;
}

/** So many are done with one write. */
const batch = 100;
const againMs = 1000;

/**
 * Events are in the queue, on the disk, before a schedule moves on: one whose platform is killed between the two is sent
 * again (the Scheduler, too, delivers at least once), and none is lost.
 */
export function createClockwork(needs: ClockworkNeeds): Clockwork {
  const { store, clock } = needs;
  let cancel: (() => void) | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let stopped = false;

  function wake(at: number): void {
    if (stopped || at >= wakeAt) return;
    cancel?.();
    wakeAt = at;
    cancel = needs.schedule(at, () => {
      wakeAt = Number.POSITIVE_INFINITY;
      cancel = undefined;
      look();
    });
  }

  async function work(): Promise<void> {
    while (!stopped) {
      const now = clock();
      const found = store.due(now, batch);
      if (found.length === 0) break;
      const postings: Posting[] = [];
      const changes: Advance[] = [];
      for (const timed of found) {
        const { id, revision } = timed;
        const { to, sends } = stepOf(timed, now);
        postings.push(...sends);
        changes.push({ id, revision, to });
      }
      await needs.post(postings);
      if (!stopped) store.advance(changes);
      // Whoever waits for an answer of the platform is not behind thousands of schedules.
      await new Promise(setImmediate);
    }
    const next = stopped ? undefined : store.nextDue();
    if (next !== undefined) wake(next);
  }

  /** One that cannot be read must not keep the others from their turns. */
  function stepOf(timed: StoredTimed, now: number): { to: Advance["to"]; sends: readonly Posting[] } {
    const never = { scheduled: undefined, due: undefined };
    try {
      const occasion = needs.occasion(timed, now);
      if (occasion === undefined) return { to: undefined, sends: [] };
      const { postings, next, delay, ends } = occasion;
      if (next !== undefined) return { to: { scheduled: next, due: next + delay }, sends: postings };
      return { to: ends ? undefined : never, sends: postings };
    } catch (error) {
      needs.report(error);
      return { to: never, sends: [] };
    }
  }

  function look(): void {
    if (stopped || running !== undefined) {
      again = true;
      return;
    }
    running = work()
      .catch((error: unknown) => {
        needs.report(error);
        wake(clock() + againMs);
      })
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          look();
        }
      });
  }
  let again = false;

  return {
    look,
    async stop() {
      stopped = true;
      again = false;
      cancel?.();
      await running;
    },
  };
}

/** The occasion that is done now and the one after it; see `occasions`. */
export function turnOf(timed: StoredTimed, now: number, next: (after: number) => number | undefined) {
  return occasions(timed.scheduled ?? now, now, next);
}
