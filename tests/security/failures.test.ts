import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { probeDrivers } from "../../src/isolation/index.ts";
import type { Settings } from "./client.ts";
import { check, type Expected } from "./expectations.ts";
import { type Platform, startPlatform } from "./platform.ts";

interface Call extends Expected {
  readonly event?: object;
}

interface Case {
  readonly fixture: string;
  readonly settings?: Settings;
  readonly calls: readonly Call[];
}

const exit = (words: string, event: object): Call => ({
  event,
  errorType: "Runtime.ExitError",
  message: new RegExp(`^RequestId: ID Error: Runtime exited ${words}$`),
  log: new RegExp(`about to exit\n(.*\n)*RequestId: ID Error: Runtime exited ${words}\nRuntime.ExitError\nEND`),
  status: "Status: error\tError Type: Runtime.ExitError",
});
const platformError = (errorType: string) => ({ errorType, status: `Status: error\tError Type: ${errorType}` });
const thrown = (errorType: string, message: RegExp, event: object = {}): Call => ({ event, errorType, message });

const stopped = /^RequestId: ID Error: Task timed out after 1\.00 seconds$/;
const timeout: Call = {
  errorType: "Sandbox.Timedout",
  message: stopped,
  log: /\n\d{4}-\d\d-\d\dT[\d:.]+Z ID Task timed out after 1\.00 seconds\n/,
  status: "Status: timeout",
};
/** Functions that fail by what they do, and what Lambda says about it; each call finds a platform that serves it. */
const cases: readonly Case[] = [
  {
    fixture: "bad-throws",
    calls: [
      thrown("TypeError", /^thrown by the handler$/),
      { ...thrown("string", /^only a string$/), event: { how: "string" } },
      { ...thrown("Error", /^thrown later$/), event: { how: "later" } },
      { ...platformError("Runtime.UnhandledPromiseRejection"), message: /nobody listens/, event: { how: "rejection" } },
      thrown("TypeError", /^thrown by the handler$/),
    ],
  },
  {
    fixture: "bad-exits",
    calls: [
      exit("without providing a reason", { code: 0 }),
      exit("with error: exit status 3", { code: 3 }),
      exit("with error: signal: segmentation fault", { signal: "SIGSEGV" }),
      exit("with error: signal: killed", { signal: "SIGKILL" }),
      exit("with error: signal: terminated", { signal: "SIGTERM" }),
    ],
  },
  {
    fixture: "bad-unserialisable",
    calls: [
      thrown("Error", /^Unable to stringify response body$/),
      thrown("Error", /^Unable to stringify response body$/, { cycle: true }),
    ],
  },
  {
    fixture: "bad-too-large",
    settings: { timeout: 30, memory: 512 },
    calls: [
      {
        ...platformError("Function.ResponseSizeTooLarge"),
        message: /^Response payload size exceeded maximum allowed payload size \(6291556 bytes\)\.$/,
      },
      { event: { bytes: 2 }, body: "xx" },
    ],
  },
  {
    fixture: "bad-slow",
    settings: { timeout: 1 },
    calls: [timeout, { event: { seconds: 0 }, body: { slept: 0 } }, { ...timeout, event: { busy: true } }],
  },
  { fixture: "bad-ignores-sigterm", calls: [{ log: /START/ }, { log: /START/ }] },
  { fixture: "bad-closes-stdout", calls: [{ body: { closed: true } }, { body: { closed: true } }] },
  {
    fixture: "bad-python-exits",
    settings: { timeout: 10 },
    calls: [
      exit("without providing a reason", { code: 0 }),
      exit("with error: exit status 7", { code: 7 }),
      exit("with error: exit status 9", { code: 9, hard: true }),
    ],
  },
  {
    fixture: "bad-python-unserialisable",
    settings: { timeout: 10 },
    calls: [
      {
        ...platformError("Runtime.MarshalError"),
        message: /^Unable to marshal response: Object of type set is not JSON serializable$/,
      },
    ],
  },
  {
    fixture: "bad-python-segfaults",
    settings: { timeout: 10 },
    calls: [
      { ...platformError("Runtime.ExitError"), message: /Runtime exited with error: signal: segmentation fault$/ },
    ],
  },
];

/** Functions that do not survive their init: Lambda tries once more inside the first invocation. */
const inits: readonly (Case & { readonly init: string })[] = [
  {
    fixture: "bad-missing-file",
    init: "Status: error\tError Type: Runtime.ImportModuleError",
    calls: [{ ...platformError("Runtime.ImportModuleError"), message: /^Error: Cannot find module 'nowhere'/ }],
  },
  {
    fixture: "bad-missing-export",
    init: "Status: error\tError Type: Runtime.HandlerNotFound",
    calls: [
      {
        ...platformError("Runtime.HandlerNotFound"),
        message: /^missing-export\.nowhere is undefined or not exported$/,
      },
    ],
  },
  {
    fixture: "bad-exits",
    settings: { handler: "exits" },
    init: "Status: error\tError Type: Runtime.MalformedHandlerName",
    calls: [{ ...platformError("Runtime.MalformedHandlerName"), message: /^Bad handler$/ }],
  },
  {
    fixture: "bad-syntax",
    init: "Status: error\tError Type: Runtime.UserCodeSyntaxError",
    calls: [{ ...platformError("Runtime.UserCodeSyntaxError"), message: /^SyntaxError: Unexpected token '=>'$/ }],
  },
  {
    fixture: "bad-throws-at-init",
    init: "Status: error\tError Type: Runtime.Unknown",
    calls: [thrown("RangeError", /^thrown while loading$/)],
  },
  {
    fixture: "bad-exits-at-init",
    init: "Status: error\tError Type: Runtime.ExitError",
    calls: [{ ...platformError("Runtime.ExitError"), message: /Runtime exited with error: exit status 42$/ }],
  },
  {
    fixture: "bad-python-throws-at-init",
    settings: { timeout: 10 },
    init: "Status: error\tError Type: Runtime.Unknown",
    calls: [thrown("RuntimeError", /^raised while loading$/)],
  },
];

for (const { driver, usable, reason } of await probeDrivers()) {
  describe(`functions that fail (${driver})`, { skip: !usable && reason }, () => {
    let platform: Platform;
    before(async () => {
      platform = await startPlatform({ args: ["--driver", driver] });
    });
    after(() => platform[Symbol.asyncDispose]());

    for (const { fixture, settings, calls } of cases) {
      test(`${fixture} fails as Lambda's functions do, alone, and leaves nothing`, async () => {
        await platform.client.fixture(fixture, settings);
        await platform.undisturbed(async () => {
          for (const { event, ...expected } of calls) check(await platform.client.invoke(fixture, event), expected);
        });
        await platform.nothingLeft(fixture);
      });
    }

    for (const { fixture, settings, calls, init } of inits) {
      test(`${fixture} (${settings?.handler ?? "its handler"}) fails at init, is tried once more, and leaves nothing`, async () => {
        await platform.client.fixture(fixture, settings);
        const seen = (await platform.client.logs(fixture)).length;
        for (const { event, ...expected } of [...calls, ...calls]) {
          const answer = await platform.undisturbed(() => platform.client.invoke(fixture, event));
          check(answer, expected);
          assert.doesNotMatch(answer.log, /Init Duration/);
        }
        const lines = (await platform.client.logs(fixture)).slice(seen);
        const reports = lines.filter((line) => line.startsWith("INIT_REPORT"));
        assert.deepEqual(
          reports.map((line) => line.replace(/\d+\.\d\d ms/, "…")),
          ["init", "invoke", "init", "invoke"].map((phase) => `INIT_REPORT Init Duration: …\tPhase: ${phase}\t${init}`),
        );
        assert.equal(lines.filter((line) => line.startsWith("INIT_START")).length, 4);
        await platform.nothingLeft(fixture);
      });
    }

    test("an init that fails only the first time is repaired by the second try", async () => {
      // Nothing of the first try is left for the second to see, so it is the time that tells them apart.
      const code = `const left = ${Date.now() + 2500} - Date.now();
        if (left > 0) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left + 1); throw new Error("not yet"); }
        exports.handler = async () => "repaired";`;
      await platform.client.deploy("flaky", code);
      const first = await platform.client.invoke("flaky");
      check(first, { body: "repaired" });
      assert.doesNotMatch(first.log, /Init Duration/);
      check(await platform.client.invoke("flaky"), { body: "repaired" });
      await platform.nothingLeft("flaky");
    });
  });
}
