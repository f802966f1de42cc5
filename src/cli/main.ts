import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { createProgram } from "./program.ts";

/** `thaw`: runs one command and leaves its exit code; see failure.ts for the codes. */
async function main(argv: readonly string[]): Promise<number> {
  // a reader that has seen enough (`thaw list | head -1`) is no error
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const manifest = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const program = createProgram(version);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // commander has written its own message: help and version are no failures, everything else is a wrong command line
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { reportFailure } = await import("./output.ts");
    return reportFailure(error, program.opts().json === true);
  }
}

process.exitCode = await main(process.argv.slice(2));
