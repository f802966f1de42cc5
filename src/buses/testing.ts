import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Posting } from "../model/index.ts";
import { createRegistry } from "../registry/index.ts";
import { type Buses, createBuses } from "./buses.ts";
import type { BusesNeeds } from "./needs.ts";

/** The clock of a test begins here. */
export const epoch = Date.UTC(2026, 10, 22, 7, 0, 0);
export const owner = { account: "000000000000", region: "us-east-1" };

/** Buses on a clock that only moves when it is told to. */
export interface Bench {
  readonly buses: Buses;
  /** what was posted, and when: ms since `epoch` */
  readonly posted: { readonly at: number; readonly posting: Posting }[];
  readonly reported: unknown[];
  now(): number;
  /** how many timers there are */
  timers(): number;
  advance(ms: number): Promise<void>;
  /** Ends at once what is in memory, and opens it anew `awayMs` later. */
  restart(awayMs?: number): Promise<Bench>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly mayRun?: BusesNeeds["mayRun"];
  readonly maySend?: BusesNeeds["maySend"];
  readonly exists?: BusesNeeds["exists"];
  readonly roleAllows?: BusesNeeds["roleAllows"];
  readonly post?: (postings: readonly Posting[]) => Promise<void>;
  readonly random?: () => number;
}

export function openBench(options: BenchOptions = {}): Bench {
  const folder = mkdtempSync(join(tmpdir(), "thaw-buses-"));
  return open(options, folder, epoch);
}

function open(options: BenchOptions, folder: string, start: number): Bench {
  let now = start;
  const timers = new Set<{ at: number; run: () => void }>();
  const posted: Bench["posted"] = [];
  const reported: unknown[] = [];
  const registry = createRegistry({ path: join(folder, "registry.sqlite") });
  const buses = createBuses({
    path: join(folder, "schedules.sqlite"),
    archivesPath: join(folder, "archives.sqlite"),
    clock: () => now,
    schedule(at, run) {
      const timer = { at, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    named: registry.named,
    async post(postings) {
      await options.post?.(postings);
      posted.push(...postings.map((posting) => ({ at: now - epoch, posting })));
    },
    mayRun: options.mayRun ?? (() => "yes"),
    maySend: options.maySend ?? (() => true),
    exists: options.exists ?? (() => true),
    roleAllows: options.roleAllows ?? (() => true),
    callable: (service) => service === "sqs",
    random: options.random ?? (() => 0.5),
    report: (error) => reported.push(error),
  });
  buses.start();
  const settle = async () => {
    for (let turn = 0; turn < 12; turn += 1) await setImmediate();
  };
  const end = async () => {
    timers.clear();
    await buses.close();
    registry.close();
  };
  return {
    buses,
    posted,
    reported,
    now: () => now,
    timers: () => timers.size,
    async advance(ms) {
      const until = now + ms;
      await settle();
      while (true) {
        const next = [...timers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
        await settle();
      }
      now = until;
    },
    async restart(awayMs = 0) {
      await end();
      return open(options, folder, now + awayMs);
    },
    async close() {
      await end();
      rmSync(folder, { recursive: true });
    },
  };
}
