import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { askJson } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import type { Connection } from "../settings.ts";

export interface DevPlatform {
  readonly connection: Connection;
  readonly driver: string;
  /** was it started here? */
  readonly own: boolean;
  /** ends it if it was started here */
  stop(): Promise<void>;
}

/** The platform that listens, or one started for as long as this command runs. */
export async function platformFor(
  connection: Connection,
  wish: { readonly mayStart: boolean; readonly inspect: boolean },
): Promise<DevPlatform> {
  const info = await askJson<{ driver: string }>(connection, "GET", "/_thaw/info").catch((error: unknown) => {
    if (wish.mayStart && error instanceof CommandFailure && error.code === "ConnectionRefused") return undefined;
    throw error;
  });
  if (info !== undefined) {
    if (wish.inspect && info.driver !== "process") {
      throw new CommandFailure(
        `Functions at ${connection.endpoint} are isolated (${info.driver}): no debugger reaches into their network.`,
        {
          next: "stop that platform, and thaw dev --inspect starts its own; or start it with `THAW_FREEZE=off thaw up --driver process`",
        },
      );
    }
    return { connection, driver: info.driver, own: false, stop: async () => {} };
  }
  return await started(connection, wish.inspect);
}

async function started(connection: Connection, inspect: boolean): Promise<DevPlatform> {
  const { hostname, port } = new URL(connection.endpoint);
  const command = ["up", "--json", "--host", hostname.replace(/^\[(.*)\]$/, "$1"), "--port", port];
  // a process group of its own: Ctrl-C is for this command, which then ends the platform in order
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1]!, ...command, ...(inspect ? ["--driver", "process"] : [])],
    {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      // a debugger talks to a process between its calls, too
      env: inspect ? { ...process.env, THAW_FREEZE: "off" } : process.env,
    },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const orphaned = (): void => {
    child.kill("SIGTERM");
  };
  process.once("exit", orphaned);
  const listening = await new Promise<{ endpoint: string; driver: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"listening"')) resolve(JSON.parse(line));
    });
    void ended.then(() => reject(new CommandFailure(`The platform did not start:\n${said.trimEnd()}`)));
  });
  return {
    connection: { ...connection, endpoint: listening.endpoint },
    driver: listening.driver,
    own: true,
    async stop() {
      process.off("exit", orphaned);
      child.kill("SIGTERM");
      await ended;
    },
  };
}
