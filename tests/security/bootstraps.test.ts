import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { probeDrivers } from "../../src/isolation/index.ts";
import type { Answer } from "./client.ts";
import { check, type Expected } from "./expectations.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { until } from "./traces.ts";

interface Bootstrap {
  readonly what: string;
  /** undefined: there is none */
  readonly code: string | undefined;
  readonly mode?: number;
  readonly timeout?: number;
  readonly expected: Expected;
}

const invalid = (message: RegExp): Expected => ({
  errorType: "Runtime.InvalidEntrypoint",
  message,
  status: "Status: error\tError Type: Runtime.InvalidEntrypoint",
});
const exited = (words: string): Expected => ({
  errorType: "Runtime.ExitError",
  message: new RegExp(`^RequestId: ID Error: Runtime exited ${words}$`),
  status: "Status: error\tError Type: Runtime.ExitError",
});
const timedOut: Expected = {
  errorType: "Sandbox.Timedout",
  message: /Task timed out after/,
  status: "Status: timeout",
};

/** A shell that fetches the first event by curl; `id` is its request id. */
const fetches = `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
tmp=$(mktemp -d)
curl -s -D $tmp/head $api/invocation/next > $tmp/event
id=$(tr -d '\\r' < $tmp/head | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
`;
const bootstraps: readonly Bootstrap[] = [
  {
    what: "is missing",
    code: undefined,
    expected: invalid(/^Couldn't find valid bootstrap\(s\): \[.*\/bootstrap.*\]$/),
  },
  {
    what: "is not executable",
    code: "#!/bin/sh\n",
    mode: 0o100644,
    expected: invalid(/bootstrap: permission denied$/),
  },
  { what: "is no program", code: "\u007fELF nothing", expected: invalid(/bootstrap: exec format error$/) },
  {
    what: "has no interpreter",
    code: "#!/no/such/thing\n",
    expected: invalid(/bootstrap: no such file or directory$/),
  },
  { what: "exits at once", code: "#!/bin/sh\nexit 5\n", expected: exited("with error: exit status 5") },
  { what: "exits with success", code: "#!/bin/sh\nexit 0\n", expected: exited("without providing a reason") },
  { what: "kills itself", code: "#!/bin/sh\nkill -9 $$\n", expected: exited("with error: signal: killed") },
  {
    what: "exits with the event in hand",
    code: `${fetches}exit 6\n`,
    expected: exited("with error: exit status 6"),
  },
  {
    what: "answers another request",
    code: `${fetches}curl -s -X POST $api/invocation/11111111-2222-3333-4444-555555555555/response -d no; sleep 100\n`,
    timeout: 1,
    expected: { ...timedOut, log: /"errorType":"InvalidRequestID"/ },
  },
  {
    what: "answers twice",
    code: `${fetches}for text in 1 2; do curl -s -o /dev/null -X POST $api/invocation/$id/response -d $text; done
      sleep 100\n`,
    expected: { body: 1 },
  },
  {
    what: "asks for the next event without answering",
    code: `${fetches}curl -s $api/invocation/next; sleep 100\n`,
    timeout: 1,
    expected: { ...timedOut, log: /InvalidStateTransition/ },
  },
  {
    what: "reports an error of its own making",
    code: `${fetches}curl -s -o /dev/null -X POST $api/invocation/$id/error -H 'Lambda-Runtime-Function-Error-Type: Function.Mine' -d '{"errorMessage":"mine","errorType":"Mine"}'
      sleep 100\n`,
    expected: { errorType: "Mine", message: /^mine$/, status: "Status: error\tError Type: Function.Mine" },
  },
  {
    what: "reports an init error",
    code: `#!/bin/sh
      curl -s -o /dev/null http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error -H 'Lambda-Runtime-Function-Error-Type: Runtime.Mine' -d '{"errorMessage":"mine","errorType":"Runtime.Mine"}'; sleep 100\n`,
    expected: { errorType: "Runtime.Mine", message: /^mine$/, status: "Status: error\tError Type: Runtime.Mine" },
  },
  {
    what: "sends garbage instead of HTTP",
    code: `${fetches}exec 3<> /dev/tcp/\${AWS_LAMBDA_RUNTIME_API/:/\\/}
      printf '\\001\\002 nonsense \\r\\n\\r\\n' >&3; cat <&3; exit 8\n`,
    expected: exited("with error: exit status 8"),
  },
  {
    what: "sends headers without end",
    code: `${fetches}exec 3<> /dev/tcp/\${AWS_LAMBDA_RUNTIME_API/:/\\/}
      (printf 'GET / HTTP/1.1\\r\\n'; for n in $(seq 30000); do echo 'x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'; done) >&3 &
      cat <&3 | head -c 300; exit 8\n`,
    expected: exited("with error: exit status 8"),
  },
  {
    what: "promises a length and breaks it",
    code: `${fetches}exec 3<> /dev/tcp/\${AWS_LAMBDA_RUNTIME_API/:/\\/}
      printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nContent-Length: 1000\\r\\n\\r\\nshort' $id >&3; exec 3>&-; exit 9\n`,
    expected: exited("with error: exit status 9"),
  },
  {
    what: "breaks a streamed answer off",
    code: `${fetches}exec 3<> /dev/tcp/\${AWS_LAMBDA_RUNTIME_API/:/\\/}
      printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n' $id >&3; sleep 0.1; exec 3>&-; sleep 100\n`,
    timeout: 2,
    expected: {
      errorType: "Runtime.TruncatedResponse",
      status: "Status: error\tError Type: Runtime.TruncatedResponse",
    },
  },
  {
    what: "answers 7 MB",
    code: `${fetches}head -c 7000000 /dev/zero | tr '\\0' 1 > $tmp/big
      curl -s -o /dev/null -X POST $api/invocation/$id/response --data-binary @$tmp/big; sleep 100\n`,
    timeout: 20,
    expected: {
      errorType: "Function.ResponseSizeTooLarge",
      status: "Status: error\tError Type: Function.ResponseSizeTooLarge",
    },
  },
];

for (const { driver, usable, reason } of await probeDrivers()) {
  describe(`bootstraps that misbehave (${driver})`, { skip: !usable && reason }, () => {
    let platform: Platform;
    before(async () => {
      platform = await startPlatform({ args: ["--driver", driver] });
    });
    after(() => platform[Symbol.asyncDispose]());

    const deploy = (name: string, code: string | undefined, mode = 0o100755, timeout = 5) =>
      platform.client.deploy(
        name,
        code === undefined ? [{ name: "readme" }] : [{ name: "bootstrap", data: code, mode }],
        {
          runtime: "provided.al2023",
          timeout,
          memory: 512,
        },
      );

    for (const [number, { what, code, mode, timeout, expected }] of bootstraps.entries()) {
      test(`a bootstrap that ${what}`, async () => {
        const name = `bootstrap-${number}`;
        await deploy(name, code, mode, timeout);
        await platform.undisturbed(async () => {
          check(await platform.client.invoke(name), expected);
          check(await platform.client.invoke(name), expected);
        });
        await platform.nothingLeft(name);
      });
    }

    test("an init that hangs is ended after 10 s, and again within the first invocation's timeout", async () => {
      const { client } = platform;
      await deploy("never-asks", "#!/bin/sh\nexec sleep 1000\n", undefined, 1);
      await client.fixture("bad-hangs-at-init", { timeout: 1 });
      const names = ["never-asks", "bad-hangs-at-init"];
      const answers: Answer[] = await platform.undisturbed(() => Promise.all(names.map((name) => client.invoke(name))));
      for (const answer of answers) check(answer, timedOut);
      for (const name of names) {
        const [first, second] = (await client.logs(name)).filter((line) => line.startsWith("INIT_REPORT"));
        assert.match(first!, /^INIT_REPORT Init Duration: (9999|10\d\d\d)\.\d\d ms\tPhase: init\tStatus: timeout$/);
        assert.match(
          second!,
          /^INIT_REPORT Init Duration: (999|[1-4]\d\d\d)\.\d\d ms\tPhase: invoke\tStatus: timeout$/,
        );
      }
      await platform.nothingLeft(...names);
    });

    test("a bootstrap that answers and never asks for more keeps its environment until its timeout", async () => {
      const { client } = platform;
      const code = `${fetches}curl -s -o /dev/null -X POST $api/invocation/$id/response -d 1; sleep 1000\n`;
      await deploy("once", code, undefined, 1);
      check(await client.invoke("once"), { body: 1 });
      await until(
        () => client.environments(),
        (rows) => rows.every((row) => row.function !== "once"),
      );
      await platform.nothingLeft("once");
    });

    test("a handler that speaks nonsense to the agent ends itself only", async () => {
      const { client } = platform;
      const code = `exports.handler = async ({ hex }) => {
          require("node:fs").writeSync(3, Buffer.from(hex, "hex"));
          return new Promise(() => {});
        };`;
      await client.deploy("forges", code);
      const frames = {
        garbage: "ff".repeat(64),
        "a frame only agents send": "0200000081000000000000007b7d",
        "an answer to another invocation": "0200000084000000090000007b7d",
      };
      for (const [what, hex] of Object.entries(frames)) {
        const answer = await platform.undisturbed(() => client.invoke("forges", { hex }));
        assert.equal(answer.body.errorType, "Runtime.ExitError", `${what}: ${answer.text}`);
      }
      await platform.nothingLeft("forges");
    });
  });
}
