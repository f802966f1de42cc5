import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FunctionVersion } from "../model/index.ts";
import { openRig, type Rig } from "./testing.ts";

/** Speaks with the Extensions API; `on` is called with each event and what the API can do. */
const client = `#!/usr/bin/env node
const { basename } = require("node:path");
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API;
let id;
const ask = async (method, path, headers = {}, body) => {
  const answer = await fetch(base + path, { method, headers: { ...(id && { "Lambda-Extension-Identifier": id }), ...headers }, body });
  return { status: answer.status, headers: answer.headers, document: await answer.json() };
};
const register = async (events, headers = {}) => {
  const answer = await ask("POST", "/2020-01-01/extension/register",
    { "Lambda-Extension-Name": basename(process.argv[1]), ...headers }, JSON.stringify({ events }));
  id = answer.headers.get("lambda-extension-identifier");
  return answer;
};
const next = async () => (await ask("GET", "/2020-01-01/extension/event/next")).document;
const say = (word, value) => console.log(word + " " + JSON.stringify(value));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

const handler = (body = "return { event }") =>
  `exports.handler = async (event) => { console.log("handler " + JSON.stringify(event)); ${body} };`;

describe("extensions", () => {
  let rig: Rig;
  let root: string;
  const folders = new Map<string, string>();
  const took = new Map<string, number[]>();
  /** versions that are to have no environments */
  const gone = new Set<string>();
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "thaw-extensions-"));
    rig = await openRig({
      layers: async ([layer]) => layer && folders.get(layer.digest),
      isCurrent: ({ key }) => !gone.has(key),
      extensionsTook: ({ key }, afterMs) => void took.set(key, [...(took.get(key) ?? []), afterMs]),
    });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  /** A layer with these external extensions. */
  function layerOf(extensions: Readonly<Record<string, string>>, mode = 0o755) {
    const digest = randomUUID();
    const folder = join(root, digest);
    mkdirSync(join(folder, "extensions"), { recursive: true });
    for (const [name, source] of Object.entries(extensions)) {
      writeFileSync(join(folder, "extensions", name), source, { mode });
    }
    folders.set(digest, folder);
    return [{ digest, size: 1, arn: `arn:aws:lambda:us-east-1:000000000000:layer:${digest}:1` }];
  }

  /** Ends the environments of a version. */
  function end({ key, account, region, name }: FunctionVersion): void {
    gone.add(key);
    rig.environments.retire(account, region, name);
  }

  async function until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 15_000;
    while (!holds()) {
      assert.ok(Date.now() < deadline, rig.lines.slice(-20).join("\n"));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** What was logged from here on, by the first word of each line. */
  function linesFrom(start: number) {
    const lines = rig.lines.slice(start);
    return {
      lines,
      of: (word: string) => lines.filter((line) => line.startsWith(`${word} `) || line.startsWith(`${word}\t`)),
    };
  }

  test("an external one registers, hears of each event and of the end, and speaks into the function's log", async () => {
    const start = rig.lines.length;
    const source = `${client}
(async () => {
  const { status, document } = await register(["INVOKE", "SHUTDOWN"], { "Lambda-Extension-Accept-Feature": "accountId" });
  say("registered", { status, document, env: [process.env.OWN, process.env._HANDLER, process.env.AWS_LAMBDA_FUNCTION_NAME] });
  for (;;) {
    const event = await next();
    say("heard", event);
    if (event.eventType === "SHUTDOWN") process.exit(0);
  }
})();`;
    const target = rig.version(handler(), { layers: layerOf({ watcher: source }), environment: { OWN: "1" } });
    const { answer, start: kind } = await rig.call(target, { n: 1 });
    assert.deepEqual(answer, { event: { n: 1 } });
    assert.equal(kind, "plain");
    await rig.call(target, { n: 2 });
    const ending = performance.now();
    end(target);
    await until(() => linesFrom(start).of("heard").length === 3);
    assert.ok(performance.now() - ending < 1500, "nobody waits for the end of the phase");
    const { of, lines } = linesFrom(start);
    const registered = JSON.parse(of("registered")[0]!.slice(11));
    assert.deepEqual(registered, {
      status: 200,
      document: { accountId: "000000000000", functionName: "f", functionVersion: "1", handler: "index.handler" },
      env: ["1", null, "f"],
    });
    assert.ok(lines.includes("EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"), lines.join("\n"));
    const [first] = of("heard").map((line) => JSON.parse(line.slice(6)));
    assert.deepEqual(Object.keys(first), ["eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing"]);
    assert.equal(first.eventType, "INVOKE");
    assert.equal(first.tracing.type, "X-Amzn-Trace-Id");
    assert.equal(first.invokedFunctionArn, target.arn);
    const heard = of("heard").map((line) => JSON.parse(line.slice(6)));
    assert.deepEqual(
      heard.map(({ eventType }) => eventType),
      ["INVOKE", "INVOKE", "SHUTDOWN"],
    );
    assert.deepEqual(Object.keys(heard[2]), ["eventType", "deadlineMs", "shutdownReason"]);
    assert.equal(heard[2].shutdownReason, "spindown");
    assert.ok(Math.abs(heard[2].deadlineMs - Date.now()) < 2500);
  });

  test("the caller has its answer before they are done, and the next event comes after", async () => {
    const start = rig.lines.length;
    const source = `${client}
(async () => {
  await register(["INVOKE"]);
  for (;;) { await next(); await pause(150); console.log("worked"); }
})();`;
    const target = rig.version(handler(), { layers: layerOf({ slow: source }) });
    await rig.call(target, { n: 1 });
    assert.equal(linesFrom(start).of("worked").length, 0);
    assert.equal(linesFrom(start).of("REPORT").length, 0);
    const { start: kind } = await rig.call(target, { n: 2 });
    // Its environment was waited for, or one was made beside it: either serves one event at a time.
    assert.notEqual(kind, "restore");
    const { lines, of } = linesFrom(start);
    const second = lines.lastIndexOf(of("START")[1]!);
    if (kind === "warm") assert.ok(lines.indexOf("worked") < second, lines.join("\n"));
    await until(() => (took.get(target.key)?.length ?? 0) >= 2);
    const each = took.get(target.key)!;
    assert.ok(Math.min(...each) > 100, String(each));
  });

  test("what they do not do in the function's time ends the environment", async () => {
    const start = rig.lines.length;
    const source = `${client}
(async () => {
  await register(["INVOKE", "SHUTDOWN"]);
  await next();
  await pause(1200);
  say("reason", (await next()).shutdownReason);
  process.exit(0);
})();`;
    const target = rig.version(handler(), { layers: layerOf({ stuck: source }), timeoutSeconds: 1 });
    assert.deepEqual((await rig.call(target)).answer, { event: {} });
    await until(() => linesFrom(start).of("reason").length > 0);
    assert.deepEqual(linesFrom(start).of("reason"), ['reason "timeout"']);
  });

  test("one that reports an error of its init, or crashes, fails the init by name", async () => {
    const cases = [
      [
        "Extension.InitError",
        'await ask("POST", "/2020-01-01/extension/init/error", { "Lambda-Extension-Function-Error-Type": "Extension.NoKey" }); process.exit(0)',
        "exit code 0",
        "InitError",
      ],
      ["Extension.Crash", "process.exit(3)", "exit status 3", "Registered"],
    ] as const;
    for (const [errorType, body, what, state] of cases) {
      const start = rig.lines.length;
      const source = `${client}(async () => { await register([]); ${body}; })();`;
      const target = rig.version(handler(), { layers: layerOf({ bad: source }) });
      const { answer } = (await rig.call(target)) as { answer: { errorType: string; errorMessage: string } };
      assert.equal(answer.errorType, errorType);
      assert.match(answer.errorMessage, new RegExp(`^RequestId: [0-9a-f-]{36} Error: ${what}$`));
      const { lines } = linesFrom(start);
      const line = lines.find((each) => each.startsWith("EXTENSION"));
      assert.ok(line?.startsWith(`EXTENSION\tName: bad\tState: ${state}\tEvents: []`), line);
    }
  });

  test("the others hear that an init has failed, and have their time", async () => {
    const start = rig.lines.length;
    const good = `${client}
(async () => {
  await register(["INVOKE", "SHUTDOWN"]);
  const event = await next();
  await pause(50);
  say("heard", [event.eventType, event.shutdownReason]);
  process.exit(0);
})();`;
    const bad = `${client}(async () => { await pause(150); await register([]); process.exit(1); })();`;
    const target = rig.version(handler(), { layers: layerOf({ bad, good }) });
    const { answer } = (await rig.call(target)) as { answer: { errorType: string } };
    assert.equal(answer.errorType, "Extension.Crash");
    // Of the init, and of the first event's try once more.
    await until(() => linesFrom(start).of("heard").length === 2);
    assert.deepEqual(new Set(linesFrom(start).of("heard")), new Set(['heard ["SHUTDOWN","failure"]']));
  });

  test("one that cannot be started, and an eleventh, fail the init too", async () => {
    const plain = rig.version(handler(), { layers: layerOf({ data: "no program" }, 0o644) });
    const { answer } = (await rig.call(plain)) as { answer: { errorType: string; errorMessage: string } };
    assert.equal(answer.errorType, "Extension.LaunchError");
    assert.match(answer.errorMessage, /fork\/exec \/opt\/extensions\/data: permission denied$/);
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`e${n}`, client]));
    const crowd = rig.version(handler(), { layers: layerOf(many) });
    const failed = (await rig.call(crowd)) as { answer: { errorType: string } };
    assert.equal(failed.answer.errorType, "Extension.LaunchError");
  });

  test("one that crashes between events takes the environment along", async () => {
    const source = `${client}(async () => { await register(["INVOKE"]); await next(); process.kill(process.pid, "SIGKILL"); })();`;
    const target = rig.version(handler("await new Promise((r) => setTimeout(r, 3000));"), {
      name: "dies",
      layers: layerOf({ dies: source }),
    });
    const { answer } = (await rig.call(target)) as { answer: { errorType: string; errorMessage: string } };
    assert.equal(answer.errorType, "Extension.Crash");
    assert.match(answer.errorMessage, /Error: signal: killed$/);
    assert.equal(rig.environments.list().filter(({ function: name }) => name === "dies").length, 0);
  });

  test("a booted runtime that loads the function begins as soon as they have registered", async (t) => {
    const { usable, reason } = rig.driver.snapshots;
    if (!usable) return t.skip(`no images here: ${reason}`);
    const hello = rig.version(handler(), { name: "hello" });
    await rig.call(hello);
    const viewOf = (name: string) => rig.environments.versions().find((each) => each.function === name)!;
    await until(() => viewOf("hello").pool.state === "ready");
    const start = rig.lines.length;
    const source = `${client}
(async () => { await pause(100); console.log("registering"); await register(["INVOKE"]); for (;;) await next(); })();`;
    const late = `console.log("loaded"); ${handler()}`;
    const target = rig.version(late, { name: "pooled", layers: layerOf({ patient: source }) });
    const { start: kind, answer } = await rig.call(target, { n: 1 });
    assert.equal(kind, "pool", JSON.stringify(viewOf("pooled")));
    assert.deepEqual(answer, { event: { n: 1 } });
    const { lines } = linesFrom(start);
    const at = (word: string) => lines.findIndex((line) => line.includes(word));
    assert.ok(at("registering") < at("loaded"), lines.join("\n"));
    await until(() => viewOf("pooled").image.why !== "");
    assert.equal(viewOf("pooled").image.why, "it has extensions (patient): an image holds the runtime alone");
  });

  test("where an environment serves several events at once they hear of its end alone", async () => {
    const start = rig.lines.length;
    const source = `${client}
(async () => {
  say("refused", (await register(["INVOKE"])).document.errorType);
  say("registered", (await register(["SHUTDOWN"])).status);
  say("heard", (await next()).eventType);
  process.exit(0);
})();`;
    const managed = { providerArn: "arn:p", concurrency: 4, cpus: 1, minEnvironments: 1, maxEnvironments: 1 };
    const target = rig.version(handler(), { name: "managed", layers: layerOf({ quiet: source }), managed });
    const answers = await Promise.all([1, 2].map(async (n) => (await rig.call(target, { n })).answer));
    assert.deepEqual(answers, [{ event: { n: 1 } }, { event: { n: 2 } }]);
    end(target);
    await until(() => linesFrom(start).of("heard").length > 0);
    const { of } = linesFrom(start);
    assert.deepEqual([of("refused"), of("registered"), of("heard")].flat(), [
      'refused "Extension.InvalidEventType"',
      "registered 200",
      'heard "SHUTDOWN"',
    ]);
  });

  test("a function registers an extension of its own and gets SIGTERM at its end", async () => {
    const start = rig.lines.length;
    const source = `
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/";
const post = (events) => fetch(base + "register",
  { method: "POST", headers: { "Lambda-Extension-Name": "inside" }, body: JSON.stringify({ events }) });
process.on("SIGTERM", () => { console.log("terminated"); process.exit(0); });
const refused = await post(["SHUTDOWN"]);
console.log("refused " + refused.status + " " + await refused.text());
const id = (await post([])).headers.get("lambda-extension-identifier");
fetch(base + "event/next", { headers: { "Lambda-Extension-Identifier": id } }).catch(() => {});
export const handler = async () => "done";
`;
    const target = rig.version(source, { name: "inside" }, "index.mjs");
    assert.equal((await rig.call(target)).answer, "done");
    if (rig.driver.snapshots.usable) {
      const imageOf = () => rig.environments.versions().find((each) => each.function === "inside")!.image;
      await until(() => imageOf().state === "refused");
      assert.equal(imageOf().why, "its init speaks with an API for extensions");
    }
    end(target);
    await until(() => linesFrom(start).lines.some((line) => line.includes("terminated")));
    const refused = linesFrom(start).lines.find((line) => line.includes("refused")) ?? "";
    assert.match(refused, /403 .*ShutdownEventNotSupportedForInternalExtension.*Extension\.InvalidEventType/);
  });

  // The last one: nothing is started behind it.
  test("an event that runs when the platform ends fails at once, and they have their time", async () => {
    const start = rig.lines.length;
    const source = `${client}(async () => { await register(["INVOKE", "SHUTDOWN"]); say("heard", (await next()).eventType); say("heard", (await next()).eventType); process.exit(0); })();`;
    const target = rig.version(handler("await new Promise((r) => setTimeout(r, 4000));"), {
      name: "running",
      layers: layerOf({ lasting: source }),
    });
    const called = rig.call(target);
    await until(() => linesFrom(start).lines.some((line) => line.includes("handler")));
    await using other = await openRig({ snapshots: "off" });
    const plain = other.version(handler("await new Promise((r) => setTimeout(r, 4000));"));
    const alone = other.call(plain);
    await until(() => other.lines.some((line) => line.includes("handler")));
    await other.environments.close();
    assert.equal(((await alone).answer as { errorType: string }).errorType, "Runtime.ExitError");
    const closing = rig.environments.close();
    assert.equal(((await called).answer as { errorType: string }).errorType, "Runtime.ExitError");
    assert.deepEqual(linesFrom(start).of("heard"), ['heard "INVOKE"']);
    await closing;
    assert.deepEqual(linesFrom(start).of("heard"), ['heard "INVOKE"', 'heard "SHUTDOWN"']);
  });
});
