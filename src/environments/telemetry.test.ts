import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openRig, type Rig } from "./testing.ts";

interface Told {
  readonly time: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each type has its own
  readonly record: any;
}

/** Listens at a port, subscribes with `body`, and prints what comes; `received ` or `refused ` begin its lines. */
const listener = (path: string, body: object, how: "HTTP" | "TCP") => `#!/usr/bin/env node
const http = require("node:http");
const net = require("node:net");
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API;
const show = (text) => process.stdout.write("received " + text + "\\n");
const server = "${how}" === "HTTP"
  ? http.createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => (text += chunk)).on("end", () => {
        show(JSON.stringify({ path: request.url, type: request.headers["content-type"], batch: JSON.parse(text) }));
        response.end();
      });
    })
  : net.createServer((socket) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
        const lines = text.split("\\n");
        text = lines.pop();
        show(JSON.stringify({ batch: lines.map((line) => JSON.parse(line)) }));
      });
    });
server.listen(4243, "sandbox.localdomain", async () => {
  const registered = await fetch(base + "/2020-01-01/extension/register", {
    method: "POST", headers: { "Lambda-Extension-Name": "listener" }, body: '{"events":["INVOKE","SHUTDOWN"]}' });
  const headers = { "Lambda-Extension-Identifier": registered.headers.get("lambda-extension-identifier") };
  const wrong = await fetch(base + "${path}", { method: "PUT", headers, body: '{"types":["platform"],"destination":{"protocol":"UDP"}}' });
  console.log("refused " + wrong.status + " " + (await wrong.text()));
  const answer = await fetch(base + "${path}", { method: "PUT", headers, body: ${JSON.stringify(JSON.stringify(body))} });
  console.log("subscribed " + answer.status + " " + (await answer.text()));
  for (;;) {
    const event = await (await fetch(base + "/2020-01-01/extension/event/next", { headers })).json();
    if (event.eventType === "SHUTDOWN") return setTimeout(() => process.exit(0), 100);
  }
});
`;

describe("telemetry for extensions", () => {
  let rig: Rig;
  let root: string;
  const folders = new Map<string, string>();
  const gone = new Set<string>();
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "thaw-telemetry-"));
    rig = await openRig({
      layers: async ([layer]) => layer && folders.get(layer.digest),
      isCurrent: ({ key }) => !gone.has(key),
    });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  function layerOf(source: string) {
    const digest = randomUUID();
    mkdirSync(join(root, digest, "extensions"), { recursive: true });
    writeFileSync(join(root, digest, "extensions", "listener"), source, { mode: 0o755 });
    folders.set(digest, join(root, digest));
    return [{ digest, size: 1, arn: `arn:aws:lambda:us-east-1:000000000000:layer:${digest}:1` }];
  }

  const code = `exports.handler = async (event) => { console.log("a word"); return { event }; };`;

  /** Runs a function once beside such a listener, ends it, and gives what the listener was told. */
  async function told(
    source: string,
    changes: object = {},
  ): Promise<{ lines: string[]; events: Told[]; paths: string[] }> {
    const start = rig.lines.length;
    const target = rig.version(code, { layers: layerOf(source), ...changes });
    await rig.call(target, {});
    gone.add(target.key);
    const isOver = () => events().some(({ type }) => type === "platform.report");
    const batches = () =>
      rig.lines
        .slice(start)
        .filter((line) => line.startsWith("received "))
        .map((line) => JSON.parse(line.slice(9)) as { path: string; batch: Told[] });
    const events = () => batches().flatMap(({ batch }) => batch);
    // The end brings what waits for its batch to fill.
    rig.environments.retire(target.account, target.region, target.name);
    while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 5));
    return { lines: rig.lines.slice(start), events: events(), paths: batches().map(({ path }) => path) };
  }

  const destination = { protocol: "HTTP", URI: "http://sandbox.localdomain:4243/take" };

  test("events of the platform come in their order from the start of the environment, with the function's lines", async (t) => {
    if (rig.driver.name !== "container") return t.skip("only containers know sandbox.localdomain");
    const body = {
      schemaVersion: "2022-07-01",
      types: ["platform", "function"],
      destination,
      buffering: { timeoutMs: 10_000, maxItems: 1000 },
    };
    const { lines, events, paths } = await told(listener("/2022-07-01/telemetry", body, "HTTP"));
    assert.ok(lines.includes('subscribed 200 "OK"'), lines.join("\n"));
    const refused = lines.find((line) => line.startsWith("refused "));
    assert.equal(
      refused,
      'refused 400 {"errorMessage":"destination.protocol: must be HTTP or TCP","errorType":"ValidationError"}',
    );
    assert.ok(lines.includes("TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function]"));
    assert.deepEqual([...new Set(paths)], ["/take"]);
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.extension",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.report",
      ],
    );
    const of = (type: string) => events.find((event) => event.type === type)!.record;
    assert.deepEqual(of("platform.extension"), { name: "listener", state: "Ready", events: ["INVOKE", "SHUTDOWN"] });
    assert.deepEqual(of("platform.telemetrySubscription"), {
      name: "listener",
      state: "Subscribed",
      types: ["platform", "function"],
    });
    const start = of("platform.initStart");
    assert.equal(start.initializationType, "on-demand");
    assert.equal(start.phase, "init");
    assert.equal(start.functionName, "f");
    assert.match(of("function"), /\ta word$/);
    const done = of("platform.runtimeDone");
    assert.deepEqual(Object.keys(done).sort(), ["metrics", "requestId", "spans", "status"]);
    assert.deepEqual(
      done.spans.map(({ name }: { name: string }) => name),
      ["responseLatency", "responseDuration"],
    );
    assert.ok(Math.abs(done.spans[0].durationMs + done.spans[1].durationMs - done.metrics.durationMs) < 0.01);
    assert.equal(done.metrics.producedBytes, '{"event":{}}'.length);
    const report = of("platform.report");
    assert.equal(report.requestId, done.requestId);
    assert.equal(report.status, "success");
    assert.ok(report.metrics.durationMs >= done.metrics.durationMs);
    assert.ok(report.metrics.initDurationMs > 0);
    for (const { time } of events) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("over TCP, one event a line; in JSON format a function's line is a document", async (t) => {
    if (rig.driver.name !== "container") return t.skip("only containers know sandbox.localdomain");
    const body = {
      types: ["platform", "function"],
      destination: { protocol: "TCP", port: 4243 },
      buffering: { timeoutMs: 25 },
    };
    const { events } = await told(listener("/2022-07-01/telemetry", body, "TCP"), { logFormat: "JSON" });
    const line = events.find(({ type }) => type === "function");
    assert.equal(line?.record.message, "a word");
    assert.ok(events.some(({ type }) => type === "platform.runtimeDone"));
  });

  test("the Logs API has fewer events, and its own words for them", async (t) => {
    if (rig.driver.name !== "container") return t.skip("only containers know sandbox.localdomain");
    const body = {
      schemaVersion: "2021-03-18",
      types: ["platform"],
      destination: { ...destination, URI: "http://sandbox:4243" },
    };
    const { lines, events } = await told(listener("/2020-08-15/logs", body, "HTTP"));
    assert.ok(lines.includes("LOGS\tName: listener\tState: Subscribed\tTypes: [Platform]"), lines.join("\n"));
    assert.deepEqual(
      events.map(({ type }) => type),
      ["platform.logsSubscription", "platform.extension", "platform.start", "platform.runtimeDone", "platform.report"],
    );
    assert.deepEqual(Object.keys(events[3]!.record), ["requestId", "status"]);
  });
});
