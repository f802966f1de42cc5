/** A server that stands beside Thaw in a benchmark: it answers a POST of JSON with the same JSON. */
export interface Peer {
  readonly name: string;
  /** exact version */
  readonly version: string;
  /** how many at once it serves without refusing; Infinity: as many as come */
  readonly connections: number;
  /** fetches and builds what it needs; the reason when it cannot be had on this machine, else undefined */
  available(): Promise<string | undefined>;
  /** starts it and waits until it answers */
  start(): Promise<void>;
  /** where to post, once started */
  url(): URL;
  stop(): Promise<void>;
}

/** One line of why something failed: the last line of the error that says something, without the addresses in it. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const telling =
    lines.find((line) => /error|denied|forbidden|not found|not available/i.test(line)) ?? lines[0] ?? text;
  return telling.replace(/ *(reading )?https?:\/\/[^\s:]+:?/g, "").slice(0, 300);
}
