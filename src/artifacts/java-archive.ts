import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Jdk } from "./java-search.ts";
import { bootstrapMount } from "./sandbox-paths.ts";

/** How long a training run may take on a busy machine. */
const patienceMs = 60_000;

/**
 * A method of the JDK itself stands in for a function: a map comes in and goes out through the client's whole path, and no
 * customer's code ever runs outside a sandbox.
 */
const trainingHandler = "java.util.Map::copyOf";

/** Name of the archive that this JDK can make of its classes; undefined before Java 13 (JEP 350), whose own archive it has to do with. */
export function archiveName(jdk: Jdk): string | undefined {
  if (jdk.major >= 25) return "base.aot"; // JEP 514: record and make in one run
  return jdk.major >= 13 ? "base.jsa" : undefined;
}

/**
 * Makes the archive of parsed and linked classes of JDK and client in `directory` by one run of the client against a
 * Runtime API of ours, unless it is there. The paths of the jars are part of it, so `directory` has to be where functions
 * see it. Rejects with what the JVM said; nothing is left behind then, and functions start without.
 */
export async function trainArchive(jdk: Jdk, directory: string): Promise<void> {
  const name = archiveName(jdk);
  if (name === undefined || existsSync(join(directory, name))) return;
  const work = mkdtempSync(join(tmpdir(), "thaw-java-"));
  const unfinished = join(directory, `.unfinished-${randomUUID()}`);
  const api = createServer();
  try {
    api.listen(0, "127.0.0.1").unref();
    await once(api, "listening");
    const option = name.endsWith(".aot")
      ? `-XX:AOTCacheOutput=${unfinished}`
      : `-XX:ArchiveClassesAtExit=${unfinished}`;
    const script = join(bootstrapMount("java").source, "bootstrap");
    const child = spawn("/bin/sh", [script, join(jdk.home, "bin", "java"), String(jdk.major), directory], {
      cwd: work,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: patienceMs,
      env: {
        _HANDLER: trainingHandler,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
        AWS_LAMBDA_FUNCTION_NAME: "training",
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        // Read by the bootstrap too, which then leaves archives alone.
        JAVA_TOOL_OPTIONS: `${option}`,
        LANG: "en_US.UTF-8",
        TZ: ":UTC",
      },
    });
    child.unref();
    let said = "";
    const listen = (chunk: Buffer): void => {
      said = (said + chunk).slice(-2000);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    teach(api, () => child.kill("SIGTERM")); // a JVM writes its archive when it is asked to end
    await once(child, "exit");
    if (!existsSync(unfinished)) throw new Error(`no archive was made; the JVM said: ${said.trim()}`);
    renameSync(unfinished, join(directory, name));
  } finally {
    api.close();
    api.closeAllConnections();
    rmSync(work, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}

/** The Runtime API of a training: two events, and the end when the third is asked for. */
function teach(api: ReturnType<typeof createServer>, done: () => void): void {
  let asked = 0;
  api.on("request", (request, response) => {
    request.resume();
    if (request.method === "GET" && request.url?.endsWith("/invocation/next")) {
      asked += 1;
      if (asked > 2) return done();
      response.writeHead(200, {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": `00000000-0000-0000-0000-00000000000${asked}`,
        "Lambda-Runtime-Deadline-Ms": String(Date.now() + patienceMs),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:training",
        "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
      });
      return response.end(JSON.stringify({ text: "é", number: 1.5, list: [true, null, { deep: 1 }] }));
    }
    request.on("end", () => response.writeHead(202).end());
  });
}
