import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type Server, startServer } from "../e2e/server.ts";
import { root, temporaryFolder, thaw } from "./thaw.ts";

/** `thaw dev` beside a real platform: what is saved is what the next call runs. */
let server: Server;
before(async () => {
  server = await startServer({ args: ["--driver", "process"], env: { THAW_FREEZE: "off" } });
});
after(async () => server[Symbol.asyncDispose]());

function project(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  write(folder, files);
  return folder;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

interface Running {
  readonly child: ChildProcess;
  /** resolves with the match once what was printed matches */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

function dev(t: TestContext, folder: string, args: readonly string[] = []): Running {
  const env = { ...process.env, ...server.env };
  const child = spawn(join(root, "bin/thaw"), ["dev", folder, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const check of waiting) check();
    });
  }
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  return {
    child,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(text);
          if (match !== null) resolve(match);
        };
        waiting.add(check);
        child.once("exit", () => reject(new Error(`ended before it said ${pattern}:\n${text}`)));
        check();
      }),
  };
}

async function called(name: string, payload = "{}"): Promise<ReturnType<typeof JSON.parse>> {
  const { stdout, stderr } = await thaw(["invoke", name, "--payload", payload, "--json"], { env: server.env });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout).payload;
}

test("TypeScript runs without a build, what is saved is live, and stack traces name the source", async (t) => {
  const folder = project(t, {
    "package.json": '{"name":"typed"}',
    ".env": "WORD=hi\nAWS_REGION=elsewhere\n",
    "src/greet.ts":
      'export enum Level { low = 1 }\nexport const greet = (name: string): string => "one " + name + Level.low;\n',
    "src/app.ts":
      'import { greet } from "./greet.ts";\n\nexport const handler = async (event: { name: string; fail?: boolean }) => {\n' +
      '  if (event.fail) throw new Error("as asked");\n  console.log("called by", event.name);\n  return [greet(event.name), process.env.WORD];\n};\n',
  });
  const { said } = dev(t, folder);
  await said(/AWS_REGION itself[\s\S]*Watching/);
  assert.deepEqual(await called("typed", '{"name":"Ada"}'), ["one Ada1", "hi"]);
  await said(/typed .*called by Ada[\s\S]*typed → .* ms · (plain|pool|restore), /);
  const failed = await called("typed", '{"fail":true}');
  assert.match(failed.trace[1], /^ {4}at handler \(\/?.*src\/app\.ts:4:/);

  write(folder, { "src/greet.ts": 'export const greet = (name: string): string => "two " + ;' });
  await said(/Unexpected ";"/);
  assert.deepEqual((await called("typed", '{"name":"Ada"}'))[0], "one Ada1");
  write(folder, { "src/greet.ts": 'export const greet = (name: string): string => "two " + name;' });
  await said(/typed live .* after the save/);
  assert.deepEqual((await called("typed", '{"name":"Ada"}'))[0], "two Ada");
  write(folder, { ".env": "WORD=later\n" });
  await said(/Watching[\s\S]*is live at/);
  assert.deepEqual(await called("typed", '{"name":"Ada"}'), ["two Ada", "later"]);
});

const template = (path: string) => `
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs24.x, Timeout: 10}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: orders
      Handler: index.handler
      Environment: {Variables: {JOBS: !Ref Jobs}}
      Events: {Get: {Type: HttpApi, Properties: {Method: GET, Path: ${path}}}}
  Jobs: {Type: AWS::SQS::Queue}
Outputs: {Queue: {Value: !Ref Jobs}}
`;
const answers = (what: string) =>
  `exports.handler = async () => ({ what: ${JSON.stringify(what)}, jobs: process.env.JOBS });`;

test("a template's API, queues and functions stand, and both code and template may change", async (t) => {
  const folder = project(t, { "template.yaml": template("/orders"), "orders/index.js": answers("one") });
  const { said } = dev(t, folder);
  const [, url] = await said(/GET {4}(http:\/\/\S+\/orders)\n[\s\S]*Watching/);
  const asked = async (path: string) => {
    const { hostname, port } = new URL(server.endpoint);
    const request = get({ hostname, port, path, headers: { host: new URL(url!).host } });
    const [response] = await once(request, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode as number, body: JSON.parse(text) };
  };
  const before = await asked("/orders");
  assert.equal(before.body.what, "one");
  assert.match(before.body.jobs, /\/Jobs|-Jobs-/);
  write(folder, { "orders/index.js": answers("two") });
  await said(/Orders live .* after the save/);
  assert.equal((await asked("/orders")).body.what, "two");
  write(folder, { "template.yaml": template("/v2/orders") });
  await said(/GET {4}http:\/\/\S+\/v2\/orders\n/);
  assert.equal((await asked("/v2/orders")).body.what, "two");
  assert.equal((await asked("/orders")).status, 404);
});

test("serverless.yml runs as it is: variables, names, events", async (t) => {
  const folder = project(t, {
    "serverless.yml": `
service: shop
custom: {word: "\${opt:stage, 'dev'}-\${self:service}"}
provider: {name: aws, runtime: nodejs24.x, environment: {WORD: "\${self:custom.word}"}}
functions:
  get-one:
    handler: src/one.handler
    events: [{httpApi: 'GET /one/{id}'}, {alexaSkill: x}]
`,
    "src/one.js": "exports.handler = async (event) => ({ word: process.env.WORD, id: event.pathParameters?.id });",
  });
  const { said } = dev(t, folder, ["--once"]);
  await said(/functions\.get-one\.events: alexaSkill is left out[\s\S]*GET {4}http:\/\/\S+\/one\/\{id\}/);
  assert.deepEqual(await called("shop-dev-get-one"), { word: "dev-shop" });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

test("a debugger attaches to a port that stays the same", async (t) => {
  const folder = project(t, { "index.js": "exports.handler = async () => 1;", "package.json": '{"name":"debugged"}' });
  const port = await freePort();
  const { said } = dev(t, folder, ["--inspect", String(port)]);
  await said(/Watching/);
  type Target = { readonly id: string; readonly webSocketDebuggerUrl: string };
  const targets = async (): Promise<Target[]> =>
    (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Target[];
  assert.equal(await called("debugged"), 1);
  await said(/waits for a debugger/);
  const [first] = await targets();
  // between calls, too: the event loop is not blocked
  const socket = new WebSocket(first!.webSocketDebuggerUrl);
  t.after(() => socket.close());
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: "20 + 3" } }));
  const [{ data }] = (await once(socket, "message")) as [MessageEvent];
  assert.equal(JSON.parse(String(data)).result.result.value, 23);
  write(folder, { "index.js": "exports.handler = async () => 2;" });
  await said(/debugged live/);
  assert.equal(await called("debugged"), 2);
  await said(/waits for a debugger[\s\S]*waits for a debugger/);
  const [second] = await targets();
  assert.notEqual(first!.id, second!.id);
});

/** Stands for the real one, whose protocol is its own affair: it listens, and says where. */
const debugpy = `import socket
def listen(address):
    listen.socket = socket.create_server(address)
    return listen.socket.getsockname()
`;

test("Python's debugpy listens before the handler is loaded, where it is installed", async (t) => {
  const folder = project(t, {
    "lambda_function.py":
      "import debugpy\ndef lambda_handler(event, context):\n    return debugpy.listen.socket.getsockname()[1]\n",
    "debugpy.py": debugpy,
  });
  const { said } = dev(t, folder, ["--inspect", String(await freePort())]);
  await said(/Watching/);
  const name = folder.split("/").at(-1)!;
  const port: unknown = await called(name);
  assert.equal(typeof port, "number");
  await said(/waits for a debugger/);
});
