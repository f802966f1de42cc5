import { createHash } from "node:crypto";
import { appendFile, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEvent } from "./log-ring.ts";

/** The events of one group on disk: two files of JSON lines, the full one and the one being filled. */
export interface LogFile {
  /** Appends in order. Not fsynced: a crash of the machine may cost the last seconds of a log. */
  append(events: readonly StoredEvent[]): Promise<void>;
  /** Calls `visit` with every event, oldest first. Lines that a crash cut off are passed over. */
  read(visit: (event: StoredEvent) => void): Promise<void>;
  /** Only those stay that `keep` holds for. */
  prune(keep: (event: StoredEvent) => boolean): Promise<void>;
}

/** Names of an account's groups that have files; one whose name is too long for a file's cannot be told. */
export async function groupsOnDisk(directory: string, account: string): Promise<string[]> {
  const files = await readdir(join(directory, account)).catch(() => []);
  const names = files.flatMap((file) => /^(.+)\.[01]\.jsonl$/.exec(file)?.[1] ?? []);
  return [...new Set(names)].filter((name) => name.length <= longestName).map(decodeURIComponent);
}

const longestName = 200;

export function createLogFile(directory: string, account: string, group: string, maxBytes: number): LogFile {
  // The endings first: a group may be called "..".
  const shelf = join(directory, account);
  const current = join(shelf, `${fileName(group)}.0.jsonl`);
  const previous = join(shelf, `${fileName(group)}.1.jsonl`);
  let size: number | undefined;

  return {
    async append(events) {
      let text = "";
      for (const event of events) text += lineOf(event);
      if (size === undefined) {
        await mkdir(shelf, { recursive: true });
        size = await sizeOf(current);
        // A line that a crash cut off must not swallow the next one.
        if (size > 0) text = `\n${text}`;
      }
      if (size >= maxBytes) {
        await rename(current, previous);
        size = 0;
      }
      await appendFile(current, text);
      size += Buffer.byteLength(text);
    },
    async prune(keep) {
      const kept: string[] = [];
      const visit = (event: StoredEvent) => {
        if (keep(event)) kept.push(lineOf(event));
      };
      await readLines(previous, visit);
      await readLines(current, visit);
      if (kept.length > 0) {
        await writeFile(`${current}.new`, kept.join(""));
        await rename(`${current}.new`, current);
      } else await rm(current, { force: true });
      await rm(previous, { force: true });
      size = undefined;
    },
    async read(visit) {
      await readLines(previous, visit);
      await readLines(current, visit);
    },
  };
}

const lineOf = ({ number, timestamp, stream, message }: StoredEvent): string =>
  `${JSON.stringify([number, timestamp, stream, message])}\n`;

/** A group's name as a file's: at most 255 bytes, with no separator in it. */
function fileName(group: string): string {
  const name = encodeURIComponent(group);
  if (name.length <= longestName) return name;
  return `${name.slice(0, 120)}-${createHash("sha256").update(group).digest("hex")}`;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

async function readLines(path: string, visit: (event: StoredEvent) => void): Promise<void> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for await (const line of file.readLines()) {
    const event = parse(line);
    if (event !== undefined) visit(event);
  }
}

function parse(line: string): StoredEvent | undefined {
  try {
    const [number, timestamp, stream, message] = JSON.parse(line) as [number, number, string, string];
    if (typeof message !== "string" || typeof number !== "number") return undefined;
    return { number, timestamp, stream, message };
  } catch {
    return undefined;
  }
}
