/**
 * One run of AWS's client under its bootstrap, in which the JVM writes down the classes it needs:
 * node training.mjs JAVA MAJOR DIRECTORY JVM-OPTION. Serves the Runtime API to it and ends with the JVM; prints what that said.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";

const [java, major, directory, option] = process.argv.slice(2);
const patienceMs = 60_000;

/**
 * A method of the JDK itself stands in for a function: a map comes in and goes out through the client's whole path, and no
 * customer's code ever runs outside a sandbox.
 */
const handler = "java.util.Map::copyOf";
const event = JSON.stringify({ text: "é", number: 1.5, list: [true, null, { deep: 1 }] });

const api = createServer();
api.listen(0, "127.0.0.1");
await once(api, "listening");

const jvm = spawn("/bin/sh", [join(import.meta.dirname, "bootstrap"), java, major, directory], {
  stdio: ["ignore", "inherit", "inherit"],
  timeout: patienceMs,
  env: {
    _HANDLER: handler,
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${api.address().port}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
    AWS_LAMBDA_FUNCTION_NAME: "training",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    JAVA_TOOL_OPTIONS: option, // read by the bootstrap too, which then leaves archives alone
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
  },
});

let asked = 0;
api.on("request", (request, response) => {
  request.resume();
  if (!request.url.endsWith("/invocation/next")) {
    request.on("end", () => response.writeHead(202).end());
    return;
  }
  asked += 1;
  // A JVM writes its archive when it is asked to end. A second event has gone through what the first has set up.
  if (asked > 2) {
    jvm.kill("SIGTERM");
    return;
  }
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": `00000000-0000-0000-0000-00000000000${asked}`,
    "Lambda-Runtime-Deadline-Ms": String(Date.now() + patienceMs),
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:training",
    "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
  });
  response.end(event);
});

await once(jvm, "exit");
process.exit(asked > 2 ? 0 : 1);
