import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Server, startServer } from "../e2e/server.ts";
import { temporaryFolder, thaw } from "./thaw.ts";

/** Measurements of functions whose times are known, against a real platform. */
let server: Server;
const folder = temporaryFolder();
const functions = ["quick", "slow", "working", "broken"];
const run = (args: readonly string[]) => thaw(args, { env: server.env, cwd: folder });

/** The JSON document of a command that must succeed. */
async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

before(async () => {
  server = await startServer();
  const files = {
    "quick/index.js": "exports.handler = async () => 1;",
    "slow/index.js": 'require("./heavy.js");\nexports.handler = async () => 1;',
    "slow/heavy.js": "const end = performance.now() + 80; while (performance.now() < end);",
    "working/index.js":
      "exports.handler = async () => { let x = 0; for (let i = 0; i < 2e6; i++) x += Math.sqrt(i); return x; };",
    "broken/index.js": 'exports.handler = async () => { throw new Error("as asked"); };',
  };
  for (const name of functions) mkdirSync(join(folder, name));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  for (const name of functions) await json(["deploy", name, "--env", "KEPT=yes"]);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test("thaw bench finds 80 ms of import between two functions, and leaves both as they were", async () => {
  const before = await json(["list"]);
  const page = join(folder, "report.html");
  const found = await json(["bench", "slow", "--against", "quick", "--cold", "6", "--burst", "4", "--html", page]);
  const cold = found.comparisons.find((each: { kind: string }) => each.kind === "cold");
  // on a busy machine the interval grows, as it must; the quickest start of each side is what the load disturbs least
  assert.ok(cold.verdict !== "faster" && cold.difference.high > 75, JSON.stringify(cold));
  const [slow, quick] = found.findings;
  const least = slow.init.min - quick.init.min;
  assert.ok(least > 60 && least < 200, `${slow.init.min} against ${quick.init.min}`);
  assert.equal(slow.latency.count, 6);
  assert.equal(slow.starts.warm, undefined, "every forced start was cold");
  assert.ok(slow.init.p50 >= 79);
  assert.match(readFileSync(page, "utf8"), /slow and quick, measured.*<svg/s);
  assert.deepEqual(await json(["list"]), before, "no copy is left, and nothing was changed");
});

test("thaw bench shows warm calls, a constant rate and a sweep of memory as text", async () => {
  const args = ["bench", "quick", "--warm", "20", "--concurrency", "2", "--rate", "50", "--for", "200ms"];
  const { code, stdout, stderr } = await run([...args, "--memory", "128,256"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /median +min +max +deviation +p95 +p99/);
  assert.match(stdout, /^quick warm +\d+ .* warm/m);
  assert.match(stdout, /^quick 50 a second +10 /m);
  assert.match(stdout, /^ .* – .* █+ /m);
  assert.match(stdout, /^256 MB +\d/m);
});

test("thaw bench of a function that fails says so with exit code 3", async () => {
  const { code, stderr } = await run(["bench", "broken", "--warm", "2", "--concurrency", "1"]);
  assert.equal(code, 3);
  assert.match(stderr, /some calls failed: Unhandled: .*as asked/);
  assert.match(stderr, /next: {2}thaw invoke broken/);
  const missing = await run(["bench", "nosuch"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /ResourceNotFoundException/);
  const wrong = await run(["bench", "quick", "--cold", "0"]);
  assert.equal(wrong.code, 2);
});

test("thaw tune finds that work wants more memory, prices it, and looks at the past", async () => {
  for (let n = 0; n < 3; n++) await json(["invoke", "working"]);
  const found = await json(["tune", "working", "--memory", "128,1024", "--runs", "6"]);
  const [small, large] = found.power.sizes;
  assert.deepEqual([small.memoryMb, large.memoryMb], [128, 1024]);
  assert.ok(small.handlerMs > large.handlerMs * 1.5, JSON.stringify(found.power));
  assert.equal(found.power.fastest, 1024);
  assert.ok(small.callCost > 2e-7);
  assert.ok(Math.abs(found.provisioned.breakEven - 0.6) < 0.01);
  assert.equal(found.calls, 3);
  assert.equal(found.keepAlive.policies[0].calls, 3);
  const text = await run(["tune", "quick", "--memory", "128,256", "--runs", "3", "--prices", "hold-only"]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /pays for itself from 25 % of the time/);
  assert.match(text.stdout, /best balance/);
  const wrong = await run(["tune", "quick", "--weight", "2"]);
  assert.equal(wrong.code, 2);
});

/** What stands between: everything of Lambda's passes, with its signature; what only this platform has is not there. */
async function asAtAws(endpoint: string) {
  const { hostname, port } = new URL(endpoint);
  const refused: string[] = [];
  const between = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    // the link to the code leads, at AWS, to S3
    if (path!.startsWith("/_") && !path!.startsWith("/_thaw/code/")) {
      refused.push(path!);
      return void answer.writeHead(404).end();
    }
    const onward = request({ hostname, port, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  const { port: own } = between.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    refused,
    async [Symbol.asyncDispose]() {
      between.closeAllConnections();
      between.close();
    },
  };
}

test("thaw bench and tune measure at another endpoint, signed, by what AWS has alone", async () => {
  await using elsewhere = await startServer({ args: ["--auth", "known-keys"] });
  await using aws = await asAtAws(elsewhere.endpoint);
  const { AccessKeyId, SecretAccessKey } = JSON.parse(readFileSync(join(elsewhere.dataDir, "operator.json"), "utf8"));
  const env = { AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey, AWS_REGION: "us-east-1" };
  const there = (args: readonly string[], own = env) =>
    thaw([...args, "--endpoint", aws.endpoint], { env: own, cwd: folder });
  const deployed = await there(["deploy", "quick", "--json"]);
  assert.equal(deployed.code, 0, deployed.stderr);
  const measured = await there(["bench", "quick", "--cold", "2", "--warm", "4", "--concurrency", "1", "--json"]);
  assert.equal(measured.code, 0, measured.stderr);
  const [cold, warm] = JSON.parse(measured.stdout).findings;
  assert.deepEqual([cold.latency.count, warm.latency.count], [2, 4]);
  assert.ok(cold.init.p50 > 0, "of the report line");
  const tuned = await there(["tune", "quick", "--memory", "128,256", "--runs", "3", "--json"]);
  assert.equal(tuned.code, 0, tuned.stderr);
  assert.deepEqual(aws.refused, []);
  assert.equal(JSON.parse((await there(["list", "--json"])).stdout).functions.length, 1, "no copy is left");

  const forged = await there(["bench", "quick", "--warm", "1"], { ...env, AWS_SECRET_ACCESS_KEY: "forged" });
  assert.equal(forged.code, 1);
  assert.match(forged.stderr, /InvalidSignatureException|SignatureDoesNotMatch/);
});
