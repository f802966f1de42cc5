import { setTimeout as pause } from "node:timers/promises";

export interface SenderNeeds {
  readonly headers: Readonly<Record<string, string>>;
  note(line: string): void;
}

/** POSTs documents as OTLP/JSON. Source: OpenTelemetry Protocol Specification, "OTLP/HTTP", its responses and retries. */
export interface Sender {
  /** Resolves when it is there, or given up; rejects never but for what cannot be written. */
  send(url: string, document: object): Promise<void>;
  /** What is still to be sent has so many milliseconds, and no second try. Returns what ends the waiting. */
  hurry(ms: number): () => void;
}

const patienceMs = 10_000;
const tries = 5;
const firstPauseMs = 1000;
const retried = new Set([429, 502, 503, 504]);

export function createSender({ headers, note }: SenderNeeds): Sender {
  const end = new AbortController();
  const waking = new AbortController();
  let hurried = false;
  let silent = false;

  /** How long to wait before the next try, milliseconds; undefined: it is over. */
  async function attempt(url: string, body: string): Promise<number | undefined> {
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(patienceMs), end.signal]),
      });
      const { status } = answer;
      await answer.body?.cancel();
      if (answer.ok) {
        silent = false;
        return undefined;
      }
      complain(`${url} answered ${status}`);
      if (!retried.has(status)) return undefined;
      const after = Number(answer.headers.get("retry-after"));
      return after > 0 ? Math.min(after * 1000, 30_000) : 0;
    } catch (error) {
      const { message, cause } = error as Error;
      complain(`${url}: ${cause instanceof Error ? cause.message : message}`);
      return 0;
    }
  }

  /** Once, until it is well again. */
  function complain(why: string): void {
    if (silent || hurried) return;
    silent = true;
    note(`OTLP: ${why}`);
  }

  return {
    async send(url, document) {
      const body = JSON.stringify(document);
      for (let attempts = 1; ; attempts += 1) {
        const wait = await attempt(url, body);
        if (wait === undefined || hurried || attempts === tries) return;
        await pause(wait || firstPauseMs * 2 ** (attempts - 1), undefined, { ref: false, signal: waking.signal }).catch(
          () => {},
        );
      }
    },
    hurry(ms) {
      hurried = true;
      waking.abort();
      const timer = setTimeout(() => end.abort(), ms);
      return () => clearTimeout(timer);
    },
  };
}
