import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers, type Child, freePort, startChild } from "../harness/processes.ts";
import { cached, command, fixtures, npmPackages } from "./cache.ts";
import { type Peer, reasonOf } from "./peer.ts";
import { versions } from "./versions.ts";

/** What differs between the peers: where their files come from and how they are started. */
interface Recipe {
  readonly name: string;
  readonly version: string;
  /** fetches and builds; returns the directory */
  prepare(): Promise<string>;
  launch(directory: string, port: number): Promise<Child>;
  readonly path?: string;
}

function peer(recipe: Recipe): Peer {
  let directory: string | undefined;
  let child: Child | undefined;
  let url: URL | undefined;
  return {
    name: recipe.name,
    version: recipe.version,
    async available() {
      try {
        directory = await recipe.prepare();
        return undefined;
      } catch (error) {
        return reasonOf(error);
      }
    },
    async start() {
      directory ??= await recipe.prepare();
      const port = await freePort();
      child = await recipe.launch(directory, port);
      url = new URL(`http://127.0.0.1:${port}${recipe.path ?? "/"}`);
    },
    url() {
      if (!url) throw new Error(`${recipe.name} has not been started`);
      return url;
    },
    async stop() {
      await child?.stop();
      child = undefined;
    },
  };
}

const printed = (word: string) => (output: string) => output.includes(word);
const server = (name: string): string => join(fixtures, "servers", name);
const listening = (port: number) => () => answers(new URL(`http://127.0.0.1:${port}/`));

/** The floor: node:http of the platform's own engine. */
export const httpEcho = (): Peer =>
  peer({
    name: "node:http echo",
    version: `Node.js ${process.version}`,
    prepare: async () => fixtures,
    launch: (_, port) => startChild([process.execPath, server("http-echo.mjs"), String(port)], printed("ready")),
  });

export const fastifyEcho = (): Peer =>
  peer({
    name: "fastify POST echo",
    version: `fastify ${versions.fastify}, Node.js ${process.version}`,
    prepare: () => npmPackages(`fastify-${versions.fastify}`, [`fastify@${versions.fastify}`]),
    launch: (directory, port) => {
      const fastify = join(directory, "node_modules", "fastify");
      return startChild([process.execPath, server("fastify-echo.mjs"), String(port), fastify], printed("ready"));
    },
  });

export const workerd = (): Peer =>
  peer({
    name: "workerd",
    version: versions.workerd,
    prepare: () => npmPackages(`workerd-${versions.workerd}`, [`workerd@${versions.workerd}`]),
    launch: (directory, port) => {
      const config = join(directory, "config.capnp");
      // workerd embeds files beside its configuration only
      copyFileSync(server("workerd-echo.mjs"), join(directory, "worker.mjs"));
      writeFileSync(config, workerdConfig(port));
      const platform = `workerd-${process.platform}-${process.arch === "x64" ? "64" : process.arch}`;
      const binary = join(directory, "node_modules", "@cloudflare", platform, "bin", "workerd");
      return startChild([binary, "serve", config], listening(port));
    },
  });

function workerdConfig(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.mjs")],
    compatibilityDate = "2025-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}

/** serverless-offline's own Lambda endpoint, the way the AWS SDK calls it. */
export const serverlessOffline = (): Peer =>
  peer({
    name: "serverless-offline",
    version: `${versions.serverlessOffline}, serverless ${versions.serverless}`,
    path: "/2015-03-31/functions/bench-dev-echo/invocations",
    prepare: async () => {
      const packages = [`serverless@${versions.serverless}`, `serverless-offline@${versions.serverlessOffline}`];
      const directory = await npmPackages(`serverless-offline-${versions.serverlessOffline}`, packages);
      writeFileSync(join(directory, "serverless.yml"), serverlessYaml);
      writeFileSync(join(directory, "handler.js"), "exports.echo = async (event) => event;\n");
      return directory;
    },
    launch: async (directory, port) => {
      const cli = join(directory, "node_modules", "serverless", "bin", "serverless.js");
      const ports = ["--lambdaPort", String(port), "--httpPort", String(await freePort())];
      const env = {
        SLS_TELEMETRY_DISABLED: "1",
        SLS_NOTIFICATIONS_MODE: "off",
        SLS_DEPRECATION_NOTIFICATION_MODE: "error",
      };
      return startChild([process.execPath, cli, "offline", ...ports, "--host", "127.0.0.1"], listening(port), {
        cwd: directory,
        env,
        readyWithinMs: 60000,
      });
    },
  });

const serverlessYaml = `service: bench
frameworkVersion: "3"
provider: { name: aws, runtime: nodejs20.x, region: us-east-1 }
plugins: [serverless-offline]
functions:
  echo: { handler: handler.echo }
`;

/** A binary that the user brings because it cannot be built here: copied to where the build would have put it. */
function given(path: string | undefined, target: string): boolean {
  if (!path) return false;
  copyFileSync(path, target);
  chmodSync(target, 0o755);
  return true;
}

/** AWS's Runtime Interface Emulator around the smallest Runtime API client. */
export const runtimeInterfaceEmulator = (): Peer =>
  peer({
    name: "Runtime Interface Emulator",
    version: versions.runtimeInterfaceEmulator,
    path: "/2015-03-31/functions/function/invocations",
    prepare: () =>
      cached(`rie-${versions.runtimeInterfaceEmulator}`, async (directory) => {
        const binary = join(directory, "aws-lambda-rie");
        if (given(process.env.THAW_BENCH_RIE, binary)) return;
        const source = "github.com/aws/aws-lambda-runtime-interface-emulator";
        const lines = ["module thaw.invalid/bench/rie", "", "go 1.21", "", "require go.amzn.com v0.0.0", ""];
        lines.push(`replace go.amzn.com => ${source} ${versions.runtimeInterfaceEmulator}`, "");
        writeFileSync(join(directory, "go.mod"), lines.join("\n"));
        const args = ["build", "-mod=mod", "-o", binary, "go.amzn.com/cmd/aws-lambda-rie"];
        await command("go", args, directory, { CGO_ENABLED: "0" });
      }),
    launch: (directory, port) =>
      startChild(
        [
          join(directory, "aws-lambda-rie"),
          ...["--runtime-interface-emulator-address", `127.0.0.1:${port}`, "--log-level", "error"],
          ...[process.execPath, server("runtime-api-loop.mjs")],
        ],
        listening(port),
      ),
  });

/** OpenFaaS's of-watchdog in http mode in front of a Node.js handler. */
export const ofWatchdog = (): Peer =>
  peer({
    name: "OpenFaaS of-watchdog",
    version: versions.ofWatchdog.slice(0, 12),
    prepare: () =>
      cached(`of-watchdog-${versions.ofWatchdog}`, async (directory) => {
        mkdirSync(join(directory, "bin"));
        if (given(process.env.THAW_BENCH_OF_WATCHDOG, join(directory, "bin", "of-watchdog"))) return;
        const args = ["install", `github.com/openfaas/of-watchdog@${versions.ofWatchdog}`];
        await command("go", args, directory, { CGO_ENABLED: "0", GOBIN: join(directory, "bin") });
      }),
    launch: async (directory, port) => {
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
      return startChild([join(directory, "bin", "of-watchdog")], ready, { env });
    },
  });
