import { backoffMs, pause } from "./pause.ts";
import type { Source, SourceNeeds } from "./source.ts";

const reconnect = { first: 250, most: 15_000 };

/**
 * A source whose server is reached by a connection: `read` reads until the connection is lost and rejects then, or until the
 * signal says so. It is begun anew, after pauses that get longer while it fails at once; what failed is the mapping's problem.
 */
export function reconnecting(read: (needs: SourceNeeds, signal: AbortSignal) => Promise<void>): Source {
  return async (needs, signal) => {
    let failures = 0;
    while (!signal.aborted) {
      const began = needs.clock();
      try {
        await read(needs, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (needs.clock() - began > reconnect.most) failures = 0;
        failures += 1;
        needs.problem(`PROBLEM: ${problemOf(error)}`.slice(0, 300));
        await pause(backoffMs(failures, reconnect), signal);
      }
    }
  };
}

/** Of addresses that are tried in turn, the first one's failure says most. */
function problemOf(error: unknown): string {
  const { message, errors } = error as Error & { errors?: readonly Error[] };
  return message || errors?.[0]?.message || String(error);
}
