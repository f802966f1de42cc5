import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { root, temporaryFolder } from "./thaw.ts";

interface Running {
  readonly child: ChildProcess;
  /** resolves with everything printed so far once it matches */
  said(pattern: RegExp): Promise<string>;
}

function up(t: TestContext, args: readonly string[] = []): Running {
  const data = temporaryFolder();
  const child = spawn(join(root, "bin/thaw"), ["up", "--port", "0", "--data", data, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const check of waiting) check();
    });
  }
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(data, { recursive: true, force: true });
  });
  return {
    child,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (pattern.test(text)) resolve(text);
        };
        waiting.add(check);
        child.once("exit", () => (pattern.test(text) ? resolve(text) : reject(new Error(`ended and said:\n${text}`))));
        check();
      }),
  };
}

test("up says where it listens, how functions are isolated, and three lines to paste", async (t) => {
  const { child, said } = up(t);
  const text = await said(/Ctrl-C stops it/);
  assert.match(text, /^Thaw listens at http:\/\/127\.0\.0\.1:\d+$/m);
  assert.match(text, /^ {2}isolation: (container|process) \(.+\)$/m);
  assert.match(text, /^ {2}eval "\$\(thaw env --endpoint http:\/\/127\.0\.0\.1:\d+\)"$/m);
  assert.match(text, /^ {2}aws lambda list-functions$/m);
  assert.match(text, /^ {2}thaw deploy /m);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});

test("up --json prints one line that scripts can read", async (t) => {
  const { child, said } = up(t, ["--json", "--driver", "process"]);
  const text = await said(/"listening".*\n/);
  const line = text.split("\n").find((each) => each.includes('"listening"'));
  const { event, endpoint, port, pid, driver, warnings } = JSON.parse(line!);
  assert.equal(event, "listening");
  assert.equal(endpoint, `http://127.0.0.1:${port}`);
  assert.equal(pid, child.pid);
  assert.equal(driver, "process");
  assert.ok(warnings.length > 0, "running without isolation is warned about");
});

test("a signal lets the running invocation finish, a second one does not wait", async (t) => {
  const { child, said } = up(t, ["--json"]);
  const { endpoint } = JSON.parse(
    (await said(/"listening".*\n/)).split("\n").find((each) => each.includes("listening"))!,
  );
  const { createLambda } = await import("../../src/cli/lambda.ts");
  const { zipText } = await import("../../src/cli/package/zip.ts");
  const { connection } = await import("../../src/cli/settings.ts");
  const { untilReady } = await import("../../src/cli/deploy/function.ts");
  const lambda = createLambda(connection({ endpoint }, {}));
  const source = `exports.handler = (event) => {
    console.log("handler runs");
    return new Promise((resolve) => setTimeout(() => resolve("finished"), event.ms));
  };`;
  await lambda.create("slow", (await zipText("index.js", source)).zip, {
    Role: "arn:aws:iam::000000000000:role/r",
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Timeout: 60,
  });
  await untilReady(lambda, "slow");
  const invoke = (ms: number): Promise<Response> =>
    fetch(`${endpoint}/2015-03-31/functions/slow/invocations`, { method: "POST", body: JSON.stringify({ ms }) });
  /** settles when the handler has begun, as its log tells */
  const runs = async (times: number): Promise<void> => {
    for (;;) {
      const log = await (await fetch(`${endpoint}/_thaw/logs?function=slow&since=0&limit=100`)).text();
      if (log.split("handler runs").length > times) return;
    }
  };
  const finishing = invoke(1500);
  await runs(1);
  const hanging = invoke(50_000).catch(() => undefined);
  await runs(2);
  child.kill("SIGTERM");
  assert.equal(await (await finishing).text(), '"finished"');
  assert.equal(child.exitCode, null, "the second invocation still runs");
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 143);
  await hanging;
});
