import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type LambdaClient,
  PublishLayerVersionCommand,
  type Runtime,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { answerOf, createFunction, type Files, invoke, lambdaOf, updated, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Layers merged to /opt, and the wrapper scripts that usually come in them. */
let server: Server;
let client: LambdaClient;
/** newest first; empty where the machine has none */
let pythons: Runtime[];

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  pythons = info.runtimes
    .filter(({ name, state }) => name.startsWith("python") && state === "ready")
    .map(({ name }) => name as Runtime);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

async function layer(name: string, files: Files): Promise<string> {
  const made = await client.send(
    new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile: await zipOf(files) } }),
  );
  return made.LayerVersionArn!;
}

test("packages, programs and files of several layers are found; of the same file the last layer's counts", async (t) => {
  if (server.driver !== "container") return t.skip("only containers have an /opt of their own");
  const first = await layer("first", {
    "nodejs/node_modules/greeting/index.js": `exports.greet = (name) => "Hello " + name;`,
    "bin/tool": "#!/bin/sh\necho tool of the first\n",
    "both.txt": "first",
    "only-first.txt": "1",
  });
  const second = await layer("second", {
    "nodejs/node_modules/parting/package.json": `{ "name": "parting", "main": "lib/main.js" }`,
    "nodejs/node_modules/parting/lib/main.js": `exports.part = (name) => "Farewell " + name;`,
    "nodejs/node24/node_modules/versioned/index.js": `module.exports = "for 24";`,
    "both.txt": "second",
  });
  const code = {
    "index.js": `
      const { execFileSync } = require("node:child_process");
      const { existsSync, readFileSync } = require("node:fs");
      const { greet } = require("greeting");
      const { part } = require("parting");
      exports.handler = async ({ name }) => ({
        said: [greet(name), part(name), require("versioned")],
        tool: execFileSync("tool", { encoding: "utf8" }),
        both: readFileSync("/opt/both.txt", "utf8"),
        onlyFirst: existsSync("/opt/only-first.txt"),
      });`,
  };
  await createFunction(client, "layered", { code, Layers: [first, second], Runtime: "nodejs24.x" });
  assert.deepEqual(await answerOf(client, "layered", { name: "Ada" }), {
    said: ["Hello Ada", "Farewell Ada", "for 24"],
    tool: "tool of the first\n",
    both: "second",
    onlyFirst: true,
  });

  // The other way around, and then without: an update reaches the next invocation.
  const update = async (Layers: string[]) => {
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "layered", Layers }));
    await updated(client, "layered");
  };
  await update([second, first]);
  assert.equal((await answerOf(client, "layered", { name: "Ada" })).both, "first");
  await update([]);
  const without = await invoke(client, "layered", {});
  assert.equal(without.payload.errorType, "Runtime.ImportModuleError");
  assert.match(without.payload.errorMessage, /Cannot find module 'greeting'/);
});

test("Python imports packages from layers, also from a directory of its version", async (t) => {
  const runtime = pythons[0];
  if (!runtime) return t.skip("this machine has no Python");
  const packages = await layer("packages", {
    "python/greeting/__init__.py": `def greet(name):\n    return "Hello " + name\n`,
    [`python/lib/${runtime}/site-packages/versioned.py`]: `WORD = "${runtime}"\n`,
  });
  const code = {
    "app.py": `from greeting import greet\nimport versioned\ndef handler(event, context):\n    return [greet(event["name"]), versioned.WORD]\n`,
  };
  await createFunction(client, "layered-python", {
    code,
    Layers: [packages],
    Runtime: runtime,
    Handler: "app.handler",
  });
  assert.deepEqual(await answerOf(client, "layered-python", { name: "Ada" }), ["Hello Ada", runtime]);
});

test("a custom runtime's bootstrap may come from a layer", async () => {
  const bootstrap = `#!/bin/bash
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
  id=$(curl -sS -o /tmp/event -D - "$api/next" | tr -d '\\r' | awk 'tolower($1) == "lambda-runtime-aws-request-id:" { print $2 }')
  bash "$LAMBDA_TASK_ROOT/$_HANDLER" < /tmp/event | curl -sS -o /dev/null --data-binary @- "$api/$id/response"
done
`;
  const runtime = await layer("runtime", { bootstrap });
  await createFunction(client, "layered-bootstrap", {
    code: { "work.sh": `printf '{"got": %s}' "$(cat)"` },
    Layers: [runtime],
    Runtime: "provided.al2023",
    Handler: "work.sh",
    MemorySize: 1024,
  });
  assert.deepEqual(await answerOf(client, "layered-bootstrap", { a: 1 }), { got: { a: 1 } });
});

/** AWS's example of a wrapper script: puts an argument before the others and a variable into the environment. */
const wrapper = (argument: string) => `#!/bin/bash
args=("$@")
export WRAPPED="around \${args[0]##*/}"
exec "\${args[0]}" "${argument}" "\${args[@]:1}"
`;

test("AWS_LAMBDA_EXEC_WRAPPER starts Node.js, from a layer or from the function's own code", async () => {
  const code = {
    "index.js": `exports.handler = async () => ({ wrapped: process.env.WRAPPED, title: process.title, args: process.execArgv });`,
    "own-wrapper": wrapper("--title=own"),
  };
  const wrappers = await layer("wrappers", { wrapper: wrapper("--title=layer") });
  await createFunction(client, "wrapped", {
    code,
    Layers: [wrappers],
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrapper" } },
  });
  const answer = await answerOf(client, "wrapped");
  assert.deepEqual([answer.wrapped, answer.title], ["around node", "layer"]);
  assert.ok(answer.args.includes("--title=layer"));

  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: "wrapped",
      Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/var/task/own-wrapper" } },
    }),
  );
  await updated(client, "wrapped");
  assert.equal((await answerOf(client, "wrapped")).title, "own");
});

test("AWS_LAMBDA_EXEC_WRAPPER starts Python", async (t) => {
  const runtime = pythons[0];
  if (!runtime) return t.skip("this machine has no Python");
  const code = {
    "app.py": `import os, sys\ndef handler(event, context):\n    return [os.environ["WRAPPED"].startswith("around python"), "made" in sys._xoptions]\n`,
    wrapper: wrapper("-Xmade"),
  };
  await createFunction(client, "wrapped-python", {
    code,
    Runtime: runtime,
    Handler: "app.handler",
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/var/task/wrapper" } },
  });
  assert.deepEqual(await answerOf(client, "wrapped-python"), [true, true]);
});

test("a wrapper that is not there is an invalid entry point", async () => {
  await createFunction(client, "unwrapped", {
    code: { "index.js": "exports.handler = async () => 1;" },
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/nowhere" } },
  });
  const answer = await invoke(client, "unwrapped");
  assert.equal(answer.functionError, "Unhandled");
  assert.equal(answer.payload.errorType, "Runtime.InvalidEntrypoint");
});
