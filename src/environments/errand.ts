import type { Invocation } from "../model/index.ts";

/** Gives a copy the event that goes along with the word that it is one. */
export interface Errand {
  /** The event that has waited longest and is this copy's from now on; undefined: there is none. */
  take(): Invocation | undefined;
  /** The copy did not wake, and its event was not read: it waits again, before all others. */
  giveBack(): void;
}

/** The most that goes along, bytes: what a socket takes in one write, so that nothing is unsaid when a copy breaks. */
export const errandBytes = 64 * 1024;
