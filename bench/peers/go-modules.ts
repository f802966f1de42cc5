import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startChild } from "../harness/processes.ts";
import { cached, command } from "./cache.ts";
import { type Peer, reasonOf } from "./peer.ts";
import { listening, peer, server } from "./recipe.ts";
import { versions } from "./versions.ts";

// Both come from the module proxy, which may refuse them: then a variable can name a binary built elsewhere. Such a
// binary is used where it lies; in the cache it would be taken for the pinned version later.

async function go(args: readonly string[], directory: string, variable: string, env = {}): Promise<void> {
  try {
    await command("go", args, directory, { CGO_ENABLED: "0", ...env });
  } catch (error) {
    throw new Error(`${reasonOf(error)} (${variable} may name a binary instead)`, { cause: error });
  }
}

/**
 * AWS's Runtime Interface Emulator around the smallest Runtime API client. It runs one event at a time and refuses, or
 * dies of, a second one meanwhile (its issue 97), so it gets one connection.
 */
export const runtimeInterfaceEmulator = (given = process.env.THAW_BENCH_RIE): Peer =>
  peer({
    name: "Runtime Interface Emulator",
    version: given ? `${given}, as THAW_BENCH_RIE says` : versions.runtimeInterfaceEmulator,
    path: "/2015-03-31/functions/function/invocations",
    connections: 1,
    prepare: async () => {
      if (given) return given;
      const version = versions.runtimeInterfaceEmulator;
      const directory = await cached(`rie-${version}`, async (target) => {
        const source = "github.com/aws/aws-lambda-runtime-interface-emulator";
        const lines = ["module thaw.invalid/bench/rie", "", "go 1.21", "", "require go.amzn.com v0.0.0", ""];
        lines.push(`replace go.amzn.com => ${source} ${version}`, "");
        writeFileSync(join(target, "go.mod"), lines.join("\n"));
        const args = ["build", "-mod=mod", "-o", join(target, "aws-lambda-rie"), "go.amzn.com/cmd/aws-lambda-rie"];
        await go(args, target, "THAW_BENCH_RIE");
      });
      return join(directory, "aws-lambda-rie");
    },
    launch: async (binary, port) => {
      const addresses = ["--runtime-interface-emulator-address", `127.0.0.1:${port}`];
      addresses.push("--runtime-api-address", `127.0.0.1:${await freePort()}`);
      const client = [process.execPath, server("runtime-api-loop.mjs")];
      return startChild([binary, ...addresses, "--log-level", "error", ...client], listening(port));
    },
  });

/** OpenFaaS's of-watchdog in http mode in front of a Node.js handler. */
export const ofWatchdog = (given = process.env.THAW_BENCH_OF_WATCHDOG): Peer =>
  peer({
    name: "OpenFaaS of-watchdog",
    version: given ? `${given}, as THAW_BENCH_OF_WATCHDOG says` : versions.ofWatchdog.slice(0, 12),
    prepare: async () => {
      if (given) return given;
      const directory = await cached(`of-watchdog-${versions.ofWatchdog}`, async (target) => {
        const args = ["install", `github.com/openfaas/of-watchdog@${versions.ofWatchdog}`];
        await go(args, target, "THAW_BENCH_OF_WATCHDOG", { GOBIN: join(target, "bin") });
      });
      return join(directory, "bin", "of-watchdog");
    },
    launch: async (binary, port) => {
      const upstream = await freePort();
      const env = {
        port: String(port),
        mode: "http",
        fprocess: `${process.execPath} ${server("watchdog-echo.mjs")}`,
        upstream_url: `http://127.0.0.1:${upstream}`,
        UPSTREAM_PORT: String(upstream),
        metrics_port: String(await freePort()),
      };
      const ready = async () =>
        (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" }).catch(() => undefined))?.ok === true;
      return startChild([binary], ready, { env });
    },
  });
