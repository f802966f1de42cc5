import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { program } from "./processes.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../fixtures/post.lua", import.meta.url));
const generator = fileURLToPath(new URL("closed-loop-process.ts", import.meta.url));

/** Which generator is used: wrk where it is installed (Debian's package), else our own. */
export const generatorName = program("wrk") ? "wrk" : "own closed loop (wrk is not installed)";

/**
 * Requests a second that a server answers to `connections` clients who each ask again at once. The generator is a process
 * of its own. Any answer that is not a 2xx, or a broken connection, is an error: a fast refusal is no throughput.
 */
export async function throughput(
  url: URL,
  connections: number,
  seconds: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  if (generatorName !== "wrk") {
    const { stdout } = await run(process.execPath, [
      generator,
      url.href,
      String(connections),
      String(seconds),
      JSON.stringify(headers),
    ]);
    return Number(stdout);
  }
  const { stdout } = await run("wrk", [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    script,
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    url.href,
  ]);
  const bad = /^\s*(Non-2xx or 3xx responses.*|Socket errors.*)$/m.exec(stdout)?.[1];
  if (bad) throw new Error(`${url.href}: ${bad}`);
  const rate = /^Requests\/sec:\s*([\d.]+)/m.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`wrk printed no rate:\n${stdout}`);
  return Number(rate);
}
