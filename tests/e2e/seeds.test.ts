import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type LambdaClient, PublishLayerVersionCommand } from "@aws-sdk/client-lambda";
import { awsSdk2, boto3 } from "./clients.ts";
import { createFunction, invoke, lambdaOf, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** The handlers of the mission's cold start document, as they are printed there. */
let server: Server;
let client: LambdaClient;

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
});
after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

const printed = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");

async function layerOf(name: string, folder: string): Promise<string> {
  const made = await client.send(
    new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile: await zipOf(folder) } }),
  );
  return made.LayerVersionArn!;
}

test("the document's Node.js handler runs as printed, with aws-sdk from a layer and processRequest supplied", async () => {
  const layer = await layerOf("aws-sdk-2", await awsSdk2());
  const code = {
    "optimized.js": printed("optimized.js"),
    "index.js": `
      globalThis.processRequest = async (event) => {
        if (event.fail) throw new Error("as asked");
        return { doubled: event.number * 2 };
      };
      module.exports = require("./optimized.js");`,
  };
  await createFunction(client, "optimized-node", { code, Layers: [layer], Runtime: "nodejs18.x", MemorySize: 1024 });
  const good = await invoke(client, "optimized-node", { number: 21 });
  assert.deepEqual(good.payload, { statusCode: 200, body: '{"doubled":42}' }, good.log);
  assert.match(good.log, /Execution time: \d+ms/);

  const bad = await invoke(client, "optimized-node", { fail: true });
  assert.equal(bad.functionError, undefined);
  assert.deepEqual(bad.payload, { statusCode: 500, body: '{"error":"Internal Server Error"}' });
  assert.match(bad.log, /Error: .*as asked/);
});

const app = `
import optimized
def process_request(event):
    if event.get("fail"):
        raise ValueError("as asked")
    return {"doubled": event["number"] * 2}
optimized.process_request = process_request
lambda_handler = optimized.lambda_handler
`;

/** The newest Python that this machine has; boto3 comes with a layer, so that any will do. */
async function newestPython(): Promise<string | undefined> {
  const info = (await (await fetch(`${server.endpoint}/_thaw/info`)).json()) as {
    runtimes: { name: string; state: string }[];
  };
  const minor = (name: string) => Number(name.split(".")[1]);
  const ready = info.runtimes.filter(({ name, state }) => name.startsWith("python") && state === "ready");
  return ready.map(({ name }) => name).sort((a, b) => minor(b) - minor(a))[0];
}

test("the document's Python handler runs with boto3 and urllib3 from a layer and process_request supplied", async (t) => {
  const runtime = await newestPython();
  if (!runtime || Number(runtime.split(".")[1]) < 10) return t.skip("boto3 wants Python 3.10 or newer");
  const layer = await layerOf("boto3", await boto3());
  const options = {
    Layers: [layer],
    Runtime: runtime as "python3.12",
    Handler: "app.lambda_handler",
    MemorySize: 1769,
  };

  // As printed its pattern for telephone numbers is none in Python, on AWS neither: the import fails, with Python's words.
  const text = printed("optimized.py");
  await createFunction(client, "printed-python", { ...options, code: { "optimized.py": text, "app.py": app } });
  const broken = await invoke(client, "printed-python", {});
  assert.equal(broken.functionError, "Unhandled");
  assert.match(broken.payload.errorType, /^(error|PatternError)$/);
  assert.match(broken.payload.errorMessage, /bad character range \\s-\(/);

  const corrected = text.replace(String.raw`[\d\s-()]`, String.raw`[\d\s()-]`);
  assert.notEqual(corrected, text);
  await createFunction(client, "optimized-python", { ...options, code: { "optimized.py": corrected, "app.py": app } });
  const good = await invoke(client, "optimized-python", { number: 21 });
  assert.deepEqual(good.payload, { statusCode: 200, body: '{"doubled": 42}' }, good.log);
  assert.match(good.log, /Execution time: [\d.]+ms/);

  const bad = await invoke(client, "optimized-python", { fail: true });
  assert.equal(bad.functionError, undefined);
  assert.deepEqual(bad.payload, { statusCode: 500, body: '{"error": "Internal Server Error"}' });
  assert.match(bad.log, /Error: as asked/);
});
