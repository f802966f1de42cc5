import { cpus } from "node:os";

/** Share of the machine's CPU time that nobody used of late, 0 to 1. */
export type Idleness = () => number;

const freshMs = 250;

/** Looks at most four times a second; the first answer is that all is idle. */
export function createIdleness(clock: () => number): Idleness {
  let last = totals();
  let looked = clock();
  let idle = 1;
  return () => {
    const now = clock();
    if (now - looked < freshMs) return idle;
    const next = totals();
    const passed = next.all - last.all;
    if (passed > 0) idle = (next.idle - last.idle) / passed;
    last = next;
    looked = now;
    return idle;
  };
}

function totals(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.sys + times.nice + times.irq;
  }
  return { idle, all };
}
