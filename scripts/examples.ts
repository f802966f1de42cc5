/**
 * `npm run examples [PAGE…]` runs every command of docs/measure.md and docs/simulate.md on the sample functions, and writes what it
 * printed below it: no example says what no run has said.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Server, startServer } from "../tests/e2e/server.ts";
import { renewed, shortened } from "./examples/pages.ts";
import { files, functions, ordersRecord } from "./examples/samples.ts";

const root = resolve(import.meta.dirname, "..");
export const pages = ["measure.md", "simulate.md"] as const;

/** Runs a command line as it stands in an example, in a folder with the samples. Rejects when it fails. */
export async function run(
  command: string,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [name, ...args] = command.split(" ");
  if (name !== "thaw") throw new Error(`an example runs thaw, and not ${name}`);
  const child = spawn(join(root, "bin/thaw"), args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said}`);
  return output;
}

/** The samples, as files. */
export function writeSamples(folder: string): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  writeFileSync(join(folder, "orders.csv"), ordersRecord());
}

async function prepare(folder: string): Promise<Server> {
  const server = await startServer();
  for (const name of functions) await run(`thaw deploy ${name}`, folder, server.env);
  // so that there is a past
  for (let call = 0; call < 3; call++) await run("thaw invoke cpu", folder, server.env);
  return server;
}

/** What the pages say of the machine that the examples were made on. */
function machineSentence(): string {
  return `The examples were made on ${cpus().length} CPUs at a load of ${Math.round(loadavg()[0]!)}:`;
}

async function main(wanted: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "thaw-examples-"));
  writeSamples(folder);
  let server: Server | undefined;
  try {
    for (const page of wanted) {
      const path = join(root, "docs", page);
      const written = await renewed(readFileSync(path, "utf8"), async ({ command }) => {
        console.error(`$ ${command}`);
        // what is only simulated needs no platform
        if (!command.startsWith("thaw simulate")) server ??= await prepare(folder);
        const output = await run(command, folder, server?.env);
        return command.startsWith("thaw bench") ? shortened(output) : output;
      });
      writeFileSync(path, written.replace(/The examples were made on [^:]*:/, machineSentence()));
    }
  } finally {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const given = process.argv.slice(2);
  const unknown = given.filter((page) => !pages.some((each) => each === page));
  if (unknown.length > 0) throw new Error(`no page with examples: ${unknown}; there are ${pages.join(" and ")}`);
  await main(given.length > 0 ? given : pages);
}
