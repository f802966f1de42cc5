import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";

/** A server of a benchmark, in a process group of its own. */
export interface Child {
  readonly pid: number;
  /** standard output up to now */
  output(): string;
  /** SIGTERM to the process, SIGKILL to its group after 5 s; resolves when it is gone */
  stop(): Promise<void>;
}

const alive = new Set<ChildProcess>();
// a benchmark that dies must leave nothing running
process.on("exit", () => {
  for (const child of alive) signalGroup(child, "SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/**
 * Starts a program and waits until `ready` is true of what it has printed (standard output and error), or until the
 * promise it returns resolves. Rejects with the output's end when it exits first or is not ready in time.
 */
export async function startChild(
  argv: readonly string[],
  ready: (output: string) => boolean | Promise<boolean>,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly readyWithinMs?: number;
  } = {},
): Promise<Child> {
  const child = spawn(argv[0]!, argv.slice(1), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  alive.add(child);
  let output = "";
  let errors = "";
  let ended: string | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-65536);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-65536);
  });
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      ended ??= error.message;
      alive.delete(child);
      resolve();
    });
    child.once("exit", (code, signal) => {
      ended ??= signal ?? `exit code ${code}`;
      alive.delete(child);
      resolve();
    });
  });

  const stop = async (): Promise<void> => {
    // to the server alone: it has children of its own to end in its own order
    child.kill("SIGTERM");
    const timer = setTimeout(() => signalGroup(child, "SIGKILL"), 5000);
    await gone;
    clearTimeout(timer);
    // helpers it may have left in its group
    signalGroup(child, "SIGKILL");
  };

  const deadline = Date.now() + (options.readyWithinMs ?? 30000);
  while (!(await ready(output + errors))) {
    if (ended !== undefined || Date.now() > deadline) {
      await stop();
      const why = ended ?? `not ready in ${(options.readyWithinMs ?? 30000) / 1000} s`;
      throw new Error(`${argv.join(" ")}: ${why}\n${(output + errors).trim().slice(-2000)}`);
    }
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  return { pid: child.pid!, output: () => output, stop };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the group is gone
  }
}

/** A port of 127.0.0.1 that was free a moment ago, for servers that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Does something listen there? */
export async function answers(url: URL): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  }
}

/** Absolute path of a program on the PATH, or undefined. */
export function program(name: string): string | undefined {
  const found = spawnSync("sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
