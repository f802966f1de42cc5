import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMessages, type Messages } from "./messages.ts";

/** Messages in a file of their own, on a clock that only the test moves. */
export interface Bench extends Disposable {
  readonly messages: Messages;
  readonly path: string;
  /** what went to functions and URLs */
  readonly sent: { readonly to: string; readonly body: string }[];
  readonly notes: string[];
  now: number;
  /** Moves the clock, and calls who waits for it. */
  advance(ms: number): Promise<void>;
  /** Closes the file and opens it again, as the next process would. */
  reopen(): void;
}

export const place = { account: "000000000000", region: "us-east-1" };

export function openBench(overrides: { toUrl?: (url: string, body: string) => Promise<void> } = {}): Bench {
  const folder = mkdtempSync(join(tmpdir(), "thaw-messages-"));
  const path = join(folder, "messages.sqlite");
  const timers = new Set<{ at: number; run(): void }>();
  const sent: Bench["sent"] = [];
  const notes: string[] = [];
  const errors: unknown[] = [];
  const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  let messages: Messages;
  const open = () => {
    messages = createMessages({
      path,
      clock: () => bench.now,
      schedule(at, run) {
        const timer = { at, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      endpoint: () => "http://127.0.0.1:4566",
      toFunction: async (to, payload) => {
        sent.push({ to, body: payload.toString() });
      },
      toUrl: async (to, body) => {
        await overrides.toUrl?.(to, body);
        sent.push({ to, body });
      },
      note: (line) => notes.push(line),
      report: (error) => errors.push(error),
    });
    messages.takeUp();
  };
  const bench: Bench = {
    get messages() {
      return messages;
    },
    path,
    sent,
    notes,
    now: 1_700_000_000_000,
    async advance(ms) {
      bench.now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= bench.now)) {
        timers.delete(timer);
        timer.run();
      }
      await settle();
    },
    reopen() {
      messages.close();
      timers.clear();
      open();
    },
    [Symbol.dispose]() {
      messages.close();
      rmSync(folder, { recursive: true, force: true });
      if (errors.length > 0) throw errors[0];
    },
  };
  open();
  return bench;
}
