import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "../client.ts";
import type { Connection } from "../settings.ts";

/** A file with an event, and the key that sends it. */
export interface EventFile {
  readonly key: string;
  readonly path: string;
  /** its name without `.json` */
  readonly name: string;
}

/** `events/*.json` and `event.json`, the first nine of them with a key each. */
export async function eventFiles(folder: string): Promise<EventFile[]> {
  const inside = await readdir(join(folder, "events")).catch(() => []);
  const beside = (await readdir(folder)).filter((name) => name === "event.json");
  const paths = [
    ...beside,
    ...inside
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => join("events", name)),
  ];
  return paths.slice(0, 9).map((path, index) => ({
    key: String(index + 1),
    path: join(folder, path),
    name: path.replace(/^events\//, "").replace(/\.json$/, ""),
  }));
}

/** The function that an event is for: the one named in the file's name (`orders-new.json` → `orders`), else the first. */
export function functionFor(event: EventFile, ids: readonly string[]): string | undefined {
  const name = event.name.toLowerCase();
  const named = ids.filter((id) => name.startsWith(id.toLowerCase()));
  return named.sort((a, b) => b.length - a.length)[0] ?? ids[0];
}

/** Calls a function with a file's content and answers with what it returned. */
export async function send(connection: Connection, name: string, event: EventFile): Promise<string> {
  const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  const { body } = await ask(connection, { method: "POST", path, body: await readFile(event.path) });
  return body.toString();
}
