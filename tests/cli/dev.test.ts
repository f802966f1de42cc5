import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect, createServer } from "node:net";
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
  const asked = (path: string) => answerOf(new URL(path, url));
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

/** What an address says: whatever its name, it is the server's. */
async function answerOf(
  url: URL,
  method = "GET",
): Promise<{ status: number; headers: IncomingHttpHeaders; body: ReturnType<typeof JSON.parse> }> {
  const { hostname, port } = new URL(server.endpoint);
  const asked = request({ hostname, port, method, path: url.pathname, headers: { host: url.host } }).end();
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

test("REST APIs stand as they are: of a template, with its stage, and of serverless.yml's http events", async (t) => {
  const proxy = `exports.handler = async ({ httpMethod, resource, requestContext, pathParameters }) =>
    ({ statusCode: 201, body: JSON.stringify([httpMethod, resource, requestContext.stage, pathParameters?.id]) });`;
  const sam = project(t, {
    "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Books:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: nodejs24.x
      Handler: index.handler
      Events: {Get: {Type: Api, Properties: {Method: GET, Path: "/books/{id}"}}}
`,
    "index.js": proxy,
  });
  const [, url] = await dev(t, sam, ["--once"]).said(/GET {4}(http:\/\/\S+\/Prod\/books)\/\{id\}\n/);
  const book = await answerOf(new URL(`${url}/7`));
  assert.deepEqual([book.status, book.body], [201, ["GET", "/books/{id}", "Prod", "7"]]);

  const sls = project(t, {
    "serverless.yml": `
service: library
provider: {name: aws, runtime: nodejs24.x, stage: test}
functions:
  put:
    handler: index.handler
    events:
      - http: {method: put, path: "loans/{id}", cors: true, authorizer: aws_iam}
      - http: GET loans
`,
    "index.js": proxy,
  });
  const { said } = dev(t, sls, ["--once"]);
  const [, base] = await said(
    /authorizer is left out[\s\S]*GET {4}(http:\/\/\S+)\/test\/loans\n.*PUT {4}http:\/\/\S+\/test\/loans\/\{id\}\n/,
  );
  const loan = await answerOf(new URL(`${base}/test/loans/3`), "PUT");
  assert.deepEqual([loan.status, loan.body], [201, ["PUT", "/loans/{id}", "test", "3"]]);
  const asked = await answerOf(new URL(`${base}/test/loans/3`), "OPTIONS");
  assert.equal(asked.headers["access-control-allow-origin"], "*");
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
  socket.close();
  write(folder, {
    "index.js": "exports.handler = async (event) => {\n  const twice = event.n * 2;\n  return twice;\n};",
  });
  await said(/debugged live/);
  assert.equal(await called("debugged", '{"n":1}'), 2);
  await said(/waits for a debugger[\s\S]*waits for a debugger/);
  const [second] = await targets();
  assert.notEqual(first!.id, second!.id);
  await using session = await inspect(second!.webSocketDebuggerUrl);
  await session.ask("Debugger.enable", {});
  await session.ask("Debugger.setBreakpointByUrl", { urlRegex: "index\\.js$", lineNumber: 2 });
  const answer = called("debugged", '{"n":21}');
  const { callFrames } = await session.heard("Debugger.paused");
  const [{ callFrameId }] = callFrames;
  const { result } = await session.ask("Debugger.evaluateOnCallFrame", { callFrameId, expression: "twice" });
  assert.equal(result.value, 42);
  await session.ask("Debugger.evaluateOnCallFrame", { callFrameId, expression: "event.n = 4" });
  await session.ask("Debugger.resume", {});
  assert.equal(await answer, 42);
});

type Told = ReturnType<typeof JSON.parse>;

/** A client of the inspector's protocol, as far as a breakpoint needs one. */
async function inspect(address: string) {
  const socket = new WebSocket(address);
  const waiting = new Map<number | string, (told: Told) => void>();
  const early = new Map<string, Told>();
  socket.addEventListener("message", ({ data }) => {
    const { id, method, result, params } = JSON.parse(String(data));
    const wanted = waiting.get(id ?? method);
    if (wanted !== undefined) wanted(result ?? params);
    else if (method !== undefined) early.set(method, params);
  });
  await once(socket, "open");
  let count = 0;
  return {
    ask: (method: string, params: object) =>
      new Promise<Told>((resolve) => {
        waiting.set(++count, resolve);
        socket.send(JSON.stringify({ id: count, method, params }));
      }),
    heard: (method: string) =>
      new Promise<Told>((resolve) => (early.has(method) ? resolve(early.get(method)) : waiting.set(method, resolve))),
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

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

test("a breakpoint of the real debugpy stops a Python function, and its variables are read", async (t) => {
  const folder = project(t, {
    "lambda_function.py": "def lambda_handler(event, context):\n    twice = event['n'] * 2\n    return twice\n",
  });
  const installed = spawnSync("python3", ["-m", "pip", "install", "-q", "--no-deps", "-t", folder, "debugpy"]);
  if (installed.status !== 0) return t.skip("debugpy cannot be installed here");
  const port = await freePort();
  const { said } = dev(t, folder, ["--inspect", String(port)]);
  await said(/Watching/);
  const name = folder.split("/").at(-1)!;
  assert.equal(await called(name, '{"n":1}'), 2);
  await said(/waits for a debugger/);
  await using session = await attachPython(port);
  const attached = session.ask("attach", { justMyCode: false, pathMappings: [{ localRoot: folder, remoteRoot: "." }] });
  await session.heard("initialized");
  const source = { path: join(folder, "lambda_function.py") };
  await session.ask("setBreakpoints", { source, breakpoints: [{ line: 3 }] });
  await session.ask("configurationDone", {});
  await attached;
  const answer = called(name, '{"n":21}');
  const { threadId } = await session.heard("stopped");
  const { stackFrames } = await session.ask("stackTrace", { threadId });
  assert.equal(stackFrames[0].name, "lambda_handler");
  const { result } = await session.ask("evaluate", { expression: "twice", frameId: stackFrames[0].id });
  assert.equal(result, "42");
  await session.ask("continue", { threadId });
  assert.equal(await answer, 42);
});

/** A client of the Debug Adapter Protocol, as far as a breakpoint needs one. */
async function attachPython(port: number) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const waiting = new Map<number | string, (told: Told) => void>();
  const early = new Map<string, Told>();
  let rest = Buffer.alloc(0);
  const take = (message: Told): void => {
    const [key, told] =
      message.type === "response"
        ? [message.request_seq as number, message.body]
        : [message.event as string, message.body ?? {}];
    const wanted = waiting.get(key);
    if (wanted !== undefined) wanted(told);
    else if (typeof key === "string") early.set(key, told);
  };
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = /^Content-Length: (\d+)\r\n\r\n/.exec(rest.toString("latin1"));
      const end = head === null ? Number.POSITIVE_INFINITY : head[0].length + Number(head[1]);
      if (rest.length < end) return;
      take(JSON.parse(rest.subarray(head![0].length, end).toString()));
      rest = rest.subarray(end);
    }
  });
  let seq = 0;
  const ask = (command: string, given: object) =>
    new Promise<Told>((resolve) => {
      const body = JSON.stringify({ seq: ++seq, type: "request", command, arguments: given });
      waiting.set(seq, resolve);
      socket.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    });
  await ask("initialize", { adapterID: "thaw", pathFormat: "path" });
  return {
    ask,
    heard: (event: string) =>
      new Promise<Told>((resolve) => (early.has(event) ? resolve(early.get(event)) : waiting.set(event, resolve))),
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}
