import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { program } from "./processes.ts";

/** How a fresh process went. */
export interface Spawned {
  /** ms from spawn to its exit, or to its first byte on standard output */
  readonly ms: number;
  /** when it was spawned, monotonicMs() */
  readonly started: number;
  /** exit code; negative: the signal */
  readonly code: number;
  readonly out: string;
}

export interface Spawner {
  run(argv: readonly string[], until: "exit" | "byte", env?: Readonly<Record<string, string>>): Promise<Spawned>;
  close(): void;
}

/** A helper that starts programs cheaply (spawner.py says why it is not this process). Needs python3 on the PATH. */
export function createSpawner(): Spawner {
  const python = program("python3");
  if (!python) throw new Error("python3 is not on the PATH: it spawns and times the bare baselines");
  const script = fileURLToPath(new URL("spawner.py", import.meta.url));
  const child = spawn(python, ["-I", "-S", script], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(line));
  let gone: Error | undefined;
  child.on("exit", (code, signal) => {
    gone = new Error(`the spawner ended (${signal ?? code})`);
    for (const { reject } of waiting.splice(0)) reject(gone);
  });
  return {
    async run(argv, until, env = {}) {
      const line = await new Promise<string>((resolve, reject) => {
        if (gone) return reject(gone);
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify({ argv, env, until })}\n`);
      });
      const answer = JSON.parse(line) as Spawned & { error?: string };
      if (answer.error !== undefined) throw new Error(`${argv[0]}: ${answer.error}`);
      return answer;
    },
    close: () => child.stdin.end(),
  };
}
