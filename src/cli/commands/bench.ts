import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CommandFailure } from "../failure.ts";

/** Hands over to bench/bench.ts with every remaining argument and leaves its exit code. */
export async function bench(args: readonly string[], options: { json?: boolean; list?: boolean }): Promise<void> {
  const script = fileURLToPath(new URL("../../../bench/bench.ts", import.meta.url));
  if (!existsSync(script)) {
    throw new CommandFailure("This installation has no benchmarks.", { next: "run it from a clone of the repository" });
  }
  const flags = [...(options.list ? ["--list"] : []), ...(options.json ? ["--json"] : [])];
  const child = spawn(process.execPath, [...process.execArgv, script, ...args, ...flags], { stdio: "inherit" });
  // the terminal sends Ctrl-C to both; the benchmark cleans up and this process waits for it
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
  process.off("SIGINT", ignore);
}
