import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../e2e/streams.ts";
import { type Broker, runBroker } from "./broker.ts";

const execute = promisify(execFile);
/** of Debian's package */
const programs = "/usr/lib/rabbitmq/bin";

/** RabbitMQ of the machine, with its user `guest`. Rejects where there is none. */
export async function startRabbitMq(): Promise<Broker> {
  if (!existsSync(join(programs, "rabbitmq-server"))) throw new Error("rabbitmq-server is not installed");
  const folder = mkdtempSync(join(tmpdir(), "thaw-rabbitmq-"));
  const [port, distribution, mapper] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, "plugins"), "[].");
  writeFileSync(join(folder, "rabbitmq.conf"), "");
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: `thaw-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1",
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(mapper),
    // It may be ended while it has not noticed yet that the broker is gone.
    ERL_EPMD_RELAXED_COMMAND_CHECK: "true",
  };
  return runBroker({ command: join(programs, "rabbitmq-server"), args: [], env, cwd: folder }, port, async () => {
    // Erlang's daemon for names has left the group of processes that started it.
    await execute("epmd", ["-port", String(mapper), "-kill"]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
}
