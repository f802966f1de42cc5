import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CommandFailure, usageFailure } from "../failure.ts";
import { type Companion, companions } from "./packages.ts";

/** Servers that were started for `thaw up --with`. */
export interface Companions {
  /** base URLs, by service */
  readonly urls: Readonly<Record<string, string>>;
  stop(): void;
}

/** How long a server may take until it answers, milliseconds. */
const patienceMs = 60_000;

/**
 * The services of `--with kinesis,dynamodb`, in the order given, each once. Throws a usage failure for others.
 */
export function companionNames(text: string): string[] {
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  for (const name of names) {
    if (Object.hasOwn(companions, name)) continue;
    throw usageFailure(
      `--with ${name}: nothing is known to start for it.`,
      `choose from ${Object.keys(companions).join(", ")}`,
    );
  }
  return names;
}

/** Fetches what is needed into `folder` and starts it on free ports of loopback. Rejects with CommandFailure; then nothing runs. */
export async function startCompanions(
  names: readonly string[],
  folder: string,
  say: (line: string) => void,
): Promise<Companions> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const running: ChildProcess[] = [];
  let stopping = false;
  const stop = () => {
    stopping = true;
    for (const child of running) child.stdin?.end();
  };
  const start = async (name: string) => {
    const [port, otherPort] = [await freePort(), await freePort()];
    const companion = await companions[name]!({ folder, port, otherPort, say });
    const log = join(folder, `${name}.log`);
    const child = guarded(companion, log);
    running.push(child);
    const url = `http://127.0.0.1:${port}`;
    await answering(name, url, child, log);
    child.once("exit", () => {
      if (!stopping) say(`${name}: ${companion.title} has ended; ${log} has what it said`);
    });
    say(`${name}: ${companion.title} answers at ${url}; ${companion.keeps}`);
    return [name, url] as const;
  };
  try {
    return { urls: Object.fromEntries(await Promise.all(names.map(start))), stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * Starts it so that it ends when its standard input does: however this process dies, nothing is left behind. The shell
 * waits for the end of its input in one child, and for the server in the other.
 */
function guarded({ command, args, cwd, env }: Companion, log: string): ChildProcess {
  const script =
    'exec 3<&0; "$@" </dev/null 3<&- & server=$!; (read -r line; kill -9 $server) <&3 2>/dev/null & wait $server';
  const output = openSync(log, "w", 0o600);
  try {
    return spawn("sh", ["-c", script, "sh", command, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["pipe", output, output],
      // A Ctrl-C of the terminal is for the platform, which may still need it.
      detached: true,
    });
  } finally {
    closeSync(output);
  }
}

async function answering(name: string, url: string, child: ChildProcess, log: string): Promise<void> {
  const late = Date.now() + patienceMs;
  while (child.exitCode === null && Date.now() < late) {
    const answers = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await pause(100);
  }
  throw new CommandFailure(`--with ${name}: the server does not answer; ${log} has what it said.`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
