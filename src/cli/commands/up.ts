import { join } from "node:path";
import type { Platform } from "../../main.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { note, print, styled, warn } from "../output.ts";
import { type CommonOptions, connection, wholeNumber } from "../settings.ts";

interface UpOptions extends CommonOptions {
  readonly port?: string;
  readonly host?: string;
  readonly data?: string;
  readonly driver?: "auto" | "container" | "process";
  readonly egress?: "none" | "all";
  readonly rootfs?: string;
  readonly upstream?: string;
  readonly with?: string;
  readonly auth?: "off" | "known-keys" | "iam";
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Runs the platform in this process until a signal ends it. Resolves when everything is stopped. */
export async function up(options: UpOptions): Promise<void> {
  if (options.endpoint !== undefined) {
    throw usageFailure("--endpoint is where a client sends requests; `thaw up` opens one.", "use --host and --port");
  }
  const port = options.port === undefined ? undefined : wholeNumber("--port", options.port, { min: 0, max: 65535 });
  const companions = await startedWith(options);
  const { start } = await import("../../main.ts");
  const server = await start({
    ...(companions === undefined ? {} : { upstreams: companions.urls }),
    ...(port === undefined ? {} : { port }),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.data === undefined ? {} : { data: options.data }),
    ...(options.driver === undefined ? {} : { driver: options.driver }),
    ...(options.egress === undefined ? {} : { egress: options.egress }),
    ...(options.auth === undefined ? {} : { auth: options.auth }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.tlsCert === undefined ? {} : { tlsCert: options.tlsCert }),
    ...(options.tlsKey === undefined ? {} : { tlsKey: options.tlsKey }),
    ...(options.rootfs === undefined ? {} : { rootfs: options.rootfs }),
    ...(options.upstream === undefined ? {} : { upstream: options.upstream }),
  }).catch((error: NodeJS.ErrnoException) => {
    companions?.stop();
    throw cannotListen(error, options);
  });
  stopOnSignals(server, options.json === true);
  if (options.json) {
    const { endpoint, driver, warnings } = server;
    const listening = { event: "listening", endpoint, port: Number(new URL(endpoint).port), pid: process.pid };
    print(JSON.stringify({ ...listening, driver, warnings }));
  } else {
    banner(server, await isolationReason(server));
  }
  await server.closed;
  companions?.stop();
}

/** Servers of services that are not here, for development. They are there before the platform, and end after it. */
async function startedWith(options: UpOptions) {
  if (options.with === undefined) return undefined;
  const { companionNames, startCompanions } = await import("../companions/companions.ts");
  const names = companionNames(options.with);
  const { configOf } = await import("../../config.ts");
  const { dataDir } = configOf(options.data === undefined ? {} : { data: options.data });
  return startCompanions(names, join(dataDir, "with"), note);
}

/** Why this isolation was chosen, as the platform itself tells it. */
async function isolationReason({ endpoint, driver }: Platform): Promise<string> {
  const { askJson } = await import("../client.ts");
  const { probes } = await askJson<{ probes: readonly { driver: string; reason: string }[] }>(
    connection({ endpoint }),
    "GET",
    "/_thaw/info",
  );
  return probes.find((probe) => probe.driver === driver)?.reason ?? "";
}

function banner(server: Platform, reason: string): void {
  const endpoint = server.endpoint === "http://127.0.0.1:4566" ? "" : ` --endpoint ${server.endpoint}`;
  print(`${styled("bold", "Thaw")} listens at ${styled("cyan", server.endpoint)}`);
  print(`  isolation: ${server.driver}${reason === "" ? "" : ` (${reason})`}`);
  for (const warning of server.warnings) warn(warning);
  print("");
  print("In another terminal:");
  print(`  eval "$(thaw env${endpoint})"`);
  print("  aws lambda list-functions");
  print(`  thaw deploy ./my-function`);
  print("");
  print("Ctrl-C stops it.");
}

/** The first signal drains (running invocations finish); a second one ends at once. */
function stopOnSignals(server: Platform, quiet: boolean): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      // the launcher and every sandbox die with this process: see ARCHITECTURE.md, Processes
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    stopping = true;
    if (!quiet) note("Stopping: running invocations may finish. Again to stop at once.");
    server.stop().catch((error: unknown) => {
      note(`stop: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(1);
    });
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}

function cannotListen(error: NodeJS.ErrnoException, options: UpOptions): Error {
  // a setting that cannot be used: config.ts has said which and what would be right
  if (error.name === "ConfigError") return usageFailure(error.message);
  const where = `${options.host ?? "127.0.0.1"}:${options.port ?? "4566"}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new CommandFailure(`Another program already listens at ${where}.`, {
        code: "PortInUse",
        next: "choose another port with --port 4567 (0 for any free one), or stop the other program",
        cause: error,
      });
    case "EACCES":
      return new CommandFailure(`This user may not listen at ${where} or write its data: ${error.message}`, {
        code: "AccessDenied",
        next: "choose a port above 1023 with --port, and a directory of your own with --data",
        cause: error,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new CommandFailure(`--host ${options.host}: this machine has no such address.`, {
        next: "use 127.0.0.1, or 0.0.0.0 for every address",
        cause: error,
      });
    default:
      return error;
  }
}
