import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startChild } from "../harness/processes.ts";
import { fixtures, npmPackages } from "./cache.ts";
import type { Peer } from "./peer.ts";
import { listening, peer, server } from "./recipe.ts";
import { versions } from "./versions.ts";

const printed = (word: string) => (output: string) => output.includes(word);

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
