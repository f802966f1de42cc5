import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { FunctionVersion, Invocation } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { type ExtensionFault, Extensions } from "./index.ts";

const target = { account: "000000000000", name: "f", version: "3", handler: "index.handler" } as FunctionVersion;
const invocation = { requestId: "r-1", invokedArn: "arn:f" } as Invocation;

describe("the APIs for extensions", () => {
  let number: number;
  let answers: Map<number, { status: number; head: string; document: Record<string, unknown> }>;
  let faults: ExtensionFault[];
  let logged: unknown[];
  let extensions: Extensions;

  function open(external: readonly string[], of: FunctionVersion = target) {
    const log = {
      listen: () => undefined,
      extension: (state: unknown) => void logged.push(state),
      subscribed: (state: unknown) => void logged.push(state),
    } as unknown as InvocationLog;
    extensions = new Extensions({
      target: of,
      external,
      log,
      reply(request, payload) {
        const end = 2 + payload.readUInt16LE(0);
        const head = payload.toString("utf8", 2, end);
        answers.set(request, {
          status: Number(head.slice(0, 3)),
          head,
          document: JSON.parse(payload.toString("utf8", end)),
        });
      },
      send: () => undefined,
      changed: () => undefined,
      failed: (fault) => void faults.push(fault),
    });
  }

  beforeEach(() => {
    number = 0;
    answers = new Map();
    faults = [];
    logged = [];
    open(["outer"]);
  });

  /** Asks; the answer may come later, in `answers`. */
  function ask(request: string, headers: Record<string, string> = {}, body: unknown = "") {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    extensions.request(++number, `${request} HTTP/1.1\r\n${lines.join("")}\r\n`, Buffer.from(text));
    return answers.get(number);
  }

  const register = (name: string, events: unknown, more: Record<string, string> = {}) =>
    ask("POST /2020-01-01/extension/register", { "lambda-extension-name": name, ...more }, { events });
  const idIn = (answer: ReturnType<typeof ask>) =>
    ({ "Lambda-Extension-Identifier": /^Lambda-Extension-Identifier: (.+)\r$/m.exec(answer!.head)![1]! }) as const;
  const next = (id: Record<string, string>) => ask("GET /2020-01-01/extension/event/next", id);
  const refused = (answer: ReturnType<typeof ask>) => [
    answer?.status,
    answer?.document.errorType,
    answer?.document.errorMessage,
  ];

  test("what registers gets an id and the function's names; nothing more unless it takes the account", () => {
    const plain = register("outer", ["INVOKE"]);
    assert.equal(plain?.status, 200);
    assert.deepEqual(plain?.document, { functionName: "f", functionVersion: "3", handler: "index.handler" });
    const inner = register("inner", [], { "Lambda-Extension-Accept-Feature": "other, accountId" });
    assert.equal(inner?.document.accountId, "000000000000");
  });

  test("registrations that are refused have the emulator's types and words", () => {
    const type = "Extension.InvalidEventType";
    assert.deepEqual(refused(register("", [])), [403, "Extension.InvalidExtensionName", "Empty extension name"]);
    assert.deepEqual(refused(register("outer", ["NEVER"])), [403, type, "NEVER: ErrorInvalidEventType"]);
    const internal = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension";
    assert.deepEqual(refused(register("inner", ["SHUTDOWN"])), [403, type, internal]);
    const name = { "Lambda-Extension-Name": "outer" };
    for (const body of ["{", "[]x", '{"events":"INVOKE"}', '{"configurationKeys":["K"]}', "null"]) {
      assert.equal(refused(ask("POST /2020-01-01/extension/register", name, body))[1], "InvalidRequestFormat", body);
    }
    register("outer", []);
    const again =
      "State transition from Registered to Registered failed for extension outer. Error: State transition is not allowed";
    assert.deepEqual(refused(register("outer", [])), [403, "Extension.InvalidExtensionState", again]);
    for (let n = 1; n < 10; n++) assert.equal(register(`inner${n}`, [])?.status, 200);
    assert.deepEqual(refused(register("eleventh", [])), [
      403,
      "Extension.TooManyExtensions",
      "Extension limit (10) reached",
    ]);
    const same = "Extension with this name already registered";
    assert.deepEqual(refused(register("inner1", [])), [403, "Extension.InvalidExtensionState", same]);
    extensions.closeRegistration();
    assert.equal(refused(register("late", []))[1], "Extension.RegistrationClosed");
  });

  test("whoever is not known gets no event", () => {
    const path = "GET /2020-01-01/extension/event/next";
    assert.equal(refused(ask(path))[1], "Extension.MissingExtensionIdentifier");
    assert.equal(refused(ask(path, { "Lambda-Extension-Identifier": "x" }))[1], "Extension.InvalidExtensionIdentifier");
    const unknown = { "Lambda-Extension-Identifier": "00000000-0000-4000-8000-000000000000" };
    assert.equal(refused(ask(path, unknown))[1], "Extension.UnknownExtensionIdentifier");
    assert.equal(ask("GET /2020-01-01/extension/other")?.status, 404);
    assert.equal(ask("POST /2022-07-01/telemetry")?.status, 404);
  });

  test("an event goes to those who want it, now or when they ask, and is over when they ask for the next", () => {
    const waits = idIn(register("outer", ["INVOKE", "SHUTDOWN"]));
    const late = idIn(register("inner", ["INVOKE"]));
    const deaf = idIn(register("deaf", []));
    assert.equal(extensions.registered, true);
    assert.equal(extensions.settleIn, true);
    next(waits);
    const first = number;
    next(late);
    next(deaf);
    const never = number;
    assert.equal(extensions.settleIn, false);
    extensions.invoke(invocation, "Root=1", 1234.9);
    const event = {
      eventType: "INVOKE",
      deadlineMs: 1234,
      requestId: "r-1",
      invokedFunctionArn: "arn:f",
      tracing: { type: "X-Amzn-Trace-Id", value: "Root=1" },
    };
    assert.deepEqual(answers.get(first)?.document, event);
    assert.match(answers.get(first)!.head, /^Lambda-Extension-Event-Identifier: [0-9a-f-]{36}\r$/m);
    assert.equal(answers.has(never), false);
    next(late);
    assert.equal(extensions.busy, true, "the other one has it still");
    // The next event does not wait for it to ask.
    extensions.invoke({ ...invocation, requestId: "r-2" }, "Root=1", 1);
    assert.equal(next(waits)?.document.requestId, "r-2");
    next(waits);
    const last = number;
    next(late);
    assert.equal(extensions.busy, false);
    assert.equal(refused(next(waits))[1], "Extension.InvalidExtensionState", "one request at a time");
    extensions.shutDown("spindown", 99);
    assert.deepEqual(answers.get(last)?.document, {
      eventType: "SHUTDOWN",
      deadlineMs: 99,
      shutdownReason: "spindown",
    });
    assert.equal(extensions.departed, false);
    extensions.ended({ extension: 0, code: 1 });
    assert.equal(extensions.departed, true);
    assert.deepEqual(faults, []);
  });

  test("one that has hung up waits no more, and asks again", () => {
    const id = idIn(register("outer", ["INVOKE"]));
    next(id);
    extensions.gone(number);
    extensions.invoke(invocation, "", 1);
    assert.equal(answers.has(number), false);
    assert.equal(next(id)?.document.eventType, "INVOKE");
  });

  test("what an extension reports, and how it ends, says what is the matter", () => {
    const id = idIn(register("outer", []));
    const error = "POST /2020-01-01/extension/init/error";
    assert.equal(refused(ask(error, id))[1], "Extension.MissingHeader");
    const why = { ...id, "Lambda-Extension-Function-Error-Type": "Extension.NoKey" };
    assert.equal(ask(error, why)?.status, 202);
    assert.deepEqual(faults, [], "its process is to end first");
    extensions.ended({ extension: 0, code: 0 });
    assert.deepEqual(faults, [{ errorType: "Extension.InitError", what: "exit code 0" }]);
    extensions.begin();
    assert.deepEqual(logged, [{ name: "outer", state: "InitError", events: [], errorType: "Extension.NoKey" }]);
    for (const [end, fault] of [
      [{ signal: "SIGSEGV" }, { errorType: "Extension.Crash", what: "signal: segmentation fault" }],
      [{ code: 2 }, { errorType: "Extension.Crash", what: "exit status 2" }],
    ] as const) {
      faults = [];
      open(["outer"]);
      extensions.ended({ extension: 0, ...end });
      extensions.ended({ extension: 0, ...end });
      assert.deepEqual(faults, [fault], "once");
    }
    faults = [];
    const inner = idIn(register("inner", []));
    next(inner);
    ask("POST /2020-01-01/extension/exit/error", { ...inner, "Lambda-Extension-Function-Error-Type": "X" });
    assert.deepEqual(faults, [], "the environment ends already");
  });

  test("on a capacity provider there is no INVOKE", () => {
    open(["outer"], { ...target, managed: {} } as FunctionVersion);
    assert.equal(refused(register("outer", ["INVOKE"]))[1], "Extension.InvalidEventType");
    assert.equal(register("outer", ["SHUTDOWN"])?.status, 200);
  });

  test("subscriptions are checked field by field, and end with the init", () => {
    const id = idIn(register("outer", []));
    const destination = { protocol: "HTTP", URI: "http://sandbox.localdomain:8080/" };
    const subscribe = (body: unknown) => ask("PUT /2022-07-01/telemetry", id, body);
    const wrong: readonly [unknown, RegExp][] = [
      ["{", /^Invalid JSON/],
      [{ destination }, /^types/],
      [{ types: ["other"], destination }, /^types: "other"/],
      [{ types: ["platform"] }, /^destination: /],
      [
        { types: ["platform"], destination: { protocol: "HTTP", URI: "http://example.com:80/" } },
        /^destination\.URI: its host/,
      ],
      [
        { types: ["platform"], destination: { protocol: "HTTP", URI: "http://sandbox:9001/" } },
        /^destination\.URI: its port/,
      ],
      [{ types: ["platform"], destination: { protocol: "TCP", port: 70000 } }, /^destination\.port/],
      [{ types: ["platform"], destination, schemaVersion: "2020-08-15" }, /^schemaVersion/],
      [
        { types: ["platform"], destination, buffering: { maxItems: 1 } },
        /^buffering\.maxItems: must be an integer from 1000 to 10000/,
      ],
      [{ types: ["platform"], destination, buffering: { timeoutMs: 30_001 } }, /^buffering\.timeoutMs/],
    ];
    for (const [body, words] of wrong) {
      const [status, type, message] = refused(subscribe(body));
      assert.deepEqual([status, type], [400, "ValidationError"]);
      assert.match(String(message), words);
    }
    assert.equal(subscribe({ types: ["platform"], destination })?.document, "OK");
    extensions.begin();
    const closed = [403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed"];
    assert.deepEqual(refused(subscribe({ types: ["platform"], destination })), closed);
    extensions.close();
  });
});
