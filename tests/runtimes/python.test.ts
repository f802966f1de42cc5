import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { functionsOf, type Given } from "./functions.ts";
import { codeFolder, requestId, tooLarge } from "./harness.ts";
import { pythonInterpreters } from "./interpreters.ts";
import { runtimeContract } from "./runtime.contract.ts";

const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "python", "bootstrap.py");
const returning = (expression: string) => `def handler(event, context):\n    return ${expression}\n`;
const samples = {
  counts: "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return {'n': n, 'e': event}\n",
  measures: returning("{'length': len(event['text']), 'back': 'x' * 6000000}"),
  repeats: returning("'x' * event"),
  looks: `
import os, subprocess
def handler(event, context):
    probe = "test -e /proc/self/fd/3"
    return ["_THAW_LINK_FD" in os.environ, subprocess.call(probe, shell=True, close_fds=False)]
`,
  wrapped: `import os\n${returning("os.environ['WRAPPED']")}`,
};

const interpreters = await pythonInterpreters();

it("there is a Python to test", { skip: interpreters.length === 0 ? "no python3 on this machine" : false }, () => {
  assert.ok(interpreters.every(({ path }) => path));
});

for (const { runtime, path } of interpreters) {
  const minor = Number(runtime.split(".")[1]);

  const functions = functionsOf({
    command: (flags) => [path!, "-s", "-S", ...flags, bootstrap],
    file: "app.py",
    handler: "app.handler",
    // Compiled files would be written beside the bootstrap by every version at once.
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    failedInit: 1,
  });
  const { start, running, answerOf, failedInit } = functions;

  describe(runtime, { concurrency: 2 }, () => {
    runtimeContract(functions, samples);

    it("finds the interpreter's own packages without running the .pth files beside them", async () => {
      const paths = "any(path.endswith('-packages') for path in sys.path)";
      const code = `import sys\n${returning(`[${paths}, callable(exit), sys.flags.no_site]`)}`;
      assert.deepEqual(JSON.parse((await answerOf(code)).body.toString()), [true, true, 1]);
    });

    it("writes JSON as Lambda does", async () => {
      const decimal = "__import__('decimal').Decimal";
      const raw = minor >= 12;
      const cases: [string, string][] = [
        ["None", "null"],
        ["'é'", raw ? '"é"' : '"\\u00e9"'],
        ["{'a': [1, 2.5, True, None]}", '{"a": [1, 2.5, true, null]}'],
        ["(1, 2)", "[1, 2]"],
        ["{1: 'a', None: 2}", '{"1": "a", "null": 2}'],
        [`{'d': ${decimal}('1.10'), 'e': [${decimal}('1E+3')]}`, '{"d": 1.10, "e": [1E+3]}'],
        [`${decimal}('NaN')`, "NaN"],
        ["{'text': b'inside'}", '{"text": "inside"}'],
        ["b'\\xff\\x00 raw bytes'", "\u00ff\0 raw bytes"],
      ];
      await running(returning("eval(event)"), async (f) => {
        for (const [expression, expected] of cases) {
          const answer = await f.invoke(expression);
          assert.equal(answer.body.toString(expected.startsWith("\u00ff") ? "latin1" : "utf8"), expected);
        }
      });
    });

    it("counts bytes of an answer, not characters", async () => {
      await running(returning("b'\\xc3\\xa9' * event"), async (f) => {
        assert.equal((await f.invoke(3_145_778)).body.length, 6_291_556);
        assert.deepEqual((await f.invoke(3_145_779)).failure, tooLarge);
      });
    });

    it("reads any JSON document, and names what is none", async () => {
      await running(returning("[event]"), async (f) => {
        for (const text of [' {"a" : 1} \n', '"x"', "[]", "null", "-1.5e3", '"\\ud83d\\ude00"']) {
          const answer = await f.invoke(Buffer.from(text));
          assert.deepEqual(JSON.parse(answer.body.toString()), [JSON.parse(text)]);
        }
        for (const text of ["", "{", "[1]x", "nul"]) {
          const answer = await f.invoke(Buffer.from(text));
          assert.equal(answer.failure?.type, "Runtime.UnmarshalError");
          assert.match(answer.failure?.document.errorMessage, /^Unable to unmarshal input: .*char \d+\)$/);
        }
      });
    });

    it("gives the function a complete context", async () => {
      const code = `
import os
def handler(event, context):
    shown = {k: v for k, v in vars(context).items() if not k.startswith("_") and isinstance(v, (str, type(None)))}
    c, i = context.client_context, context.identity
    shown["client"] = [c.custom, c.env, c.client.app_title, c.client.installation_id]
    shown["identity"] = [i.cognito_identity_id, i.cognito_identity_pool_id]
    shown["left"] = context.get_remaining_time_in_millis()
    shown["traced"] = os.environ["_X_AMZN_TRACE_ID"]
    shown["repr"] = repr(context)
    context.log("as it is")
    return shown
`;
      const answer = await answerOf(
        code,
        {},
        {
          head: {
            "Lambda-Runtime-Client-Context": '{"custom":{"a":"b"},"client":{"app_title":"t"}}',
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
            "Lambda-Runtime-Aws-Tenant-Id": "blue",
            "Lambda-Runtime-Trace-Id": "Root=1-2-3",
          },
        },
      );
      const { left, repr, ...rest } = JSON.parse(answer.body.toString());
      assert.ok(left > 1000 && left <= 3000, `${left} ms left`);
      assert.match(repr, /^LambdaContext\(\[aws_request_id=11111111-.*tenant_id=blue\]\)$/);
      assert.deepEqual(rest, {
        aws_request_id: requestId,
        function_name: "under-test",
        function_version: "$LATEST",
        memory_limit_in_mb: "128",
        log_group_name: "/aws/lambda/under-test",
        log_stream_name: "2026/01/01/[$LATEST]abc",
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:under-test",
        tenant_id: "blue",
        client: [{ a: "b" }, null, "t", null],
        identity: ["id", "pool"],
        traced: "Root=1-2-3",
      });
      assert.deepEqual(answer.logs, ["as it is"]);
    });

    it("has no client context and an empty identity when none came", async () => {
      const answer = await answerOf(returning("[context.client_context, context.identity.cognito_identity_id]"));
      assert.deepEqual(JSON.parse(answer.body.toString()), [null, null]);
    });

    it("puts the task root before everything else on the path", async () => {
      const files = {
        "app.py": "import sys, json\ndef handler(e, c):\n    return [sys.path[0], json.mine]\n",
        "json.py": "mine = 'yes'",
      };
      await running({ files }, async (f) => {
        const [first, mine] = JSON.parse((await f.invoke({})).body.toString());
        assert.equal(mine, "yes");
        assert.match(first, /thaw-runtime-/);
      });
    });

    describe("finding the handler", () => {
      const found: Record<string, Given> = {
        "in a folder": { files: { "src/deep/app.py": returning("'here'") }, handler: "src/deep/app.handler" },
        "in a package": {
          files: { "pkg/__init__.py": "", "pkg/app.py": returning("'here'") },
          handler: "pkg.app.handler",
        },
        "in a package's own module": { files: { "pkg/__init__.py": returning("'here'") }, handler: "pkg.handler" },
        "that is any callable": {
          files: { "app.py": "class H:\n    def __call__(self, e, c):\n        return 'here'\nhandler = H()\n" },
        },
      };
      for (const [where, given] of Object.entries(found)) {
        it(`finds it ${where}`, async () => {
          await running(given, async (f) => assert.equal((await f.invoke({})).body.toString(), '"here"'));
        });
      }

      it("finds modules of a layer through PYTHONPATH", async () => {
        const layer = codeFolder({ "python/layered.py": "value = 'here'" });
        const env = { PYTHONPATH: join(layer, "python") };
        const files = { "app.py": `import layered\n${returning("layered.value")}` };
        await running({ files, env }, async (f) => assert.equal((await f.invoke({})).body.toString(), '"here"'));
      });

      const lost: Record<string, [Given | string, string, RegExp]> = {
        "there is no such module": [
          { files: {} },
          "Runtime.ImportModuleError",
          /^Unable to import module 'app': No module named 'app'$/,
        ],
        "it imports what is missing": [
          "import nowhere",
          "Runtime.ImportModuleError",
          /^Unable to import module 'app': No module named 'nowhere'$/,
        ],
        "there is no such function": [
          "other = 1",
          "Runtime.HandlerNotFound",
          /^Handler 'handler' missing on module 'app'$/,
        ],
        "its name has no dot": [
          { files: {}, handler: "app" },
          "Runtime.MalformedHandlerName",
          /^Bad handler 'app': not enough values to unpack/,
        ],
        "its module is the interpreter's own": [
          { files: {}, handler: "sys.exit" },
          "Runtime.BuiltInModuleConflict",
          /^Cannot use built-in module sys as a handler module$/,
        ],
        "the file has a syntax error": [
          "def handler(:\n",
          "Runtime.UserCodeSyntaxError",
          /^Syntax error in module 'app': .*\(app\.py, line 1\)$/,
        ],
        "the module raises": ["raise KeyError('no')", "KeyError", /^'no'$/],
      };
      for (const [why, [given, type, message]] of Object.entries(lost)) {
        it(`reports ${type} when ${why}`, async () => {
          const answer = await failedInit(given);
          assert.equal(answer.failure?.type, type);
          const { errorType, errorMessage, requestId: id, stackTrace, ...rest } = answer.failure!.document;
          assert.deepEqual([errorType, id, rest], [type, "", {}]);
          assert.match(errorMessage, message);
          assert.ok(Array.isArray(stackTrace));
          assert.ok(!stackTrace.some((entry: string) => entry.includes("_thaw")), "no frames of the bootstrap");
          const head = `[ERROR] ${type}: ${errorMessage}\nTraceback (most recent call last):`;
          assert.equal(answer.logs[0]!.slice(0, head.length), head);
        });
      }

      it("ends with a module that exits", async () => {
        const f = start("import sys\nprint('bye')\nsys.exit(5)");
        assert.deepEqual((await f.start()).answer?.exit, { code: 5, signal: null });
        assert.equal(f.output(), "bye\n");
      });
    });

    describe("failing", () => {
      it("reports what the handler raises, logs it and serves on", async () => {
        const code =
          "def inner():\n    raise ValueError('no')\ndef handler(event, context):\n    return inner() if event else 1\n";
        await running(code, async (f) => {
          const answer = await f.invoke({ a: 1 });
          assert.equal(answer.type, "ERROR");
          assert.equal(answer.ready, true);
          assert.equal(answer.failure?.type, "ValueError");
          const { stackTrace, ...rest } = answer.failure!.document;
          assert.deepEqual(rest, { errorMessage: "no", errorType: "ValueError", requestId });
          assert.equal(stackTrace.length, 2);
          assert.match(
            stackTrace[0],
            /^ {2}File ".*app\.py", line 4, in handler\n {4}return inner\(\) if event else 1\n$/,
          );
          const lines = answer.logs[0]!.split("\n");
          assert.deepEqual(lines.slice(0, 2), ["[ERROR] ValueError: no", "Traceback (most recent call last):"]);
          assert.match(lines[2]!, /^\u00a0\u00a0File ".*app\.py", line 4, in handler$/);
          assert.match(lines[3]!, /^\u00a0{4}return inner/);
          assert.equal((await f.invoke({})).body.toString(), "1");
        });
      });

      it("reports a result that JSON cannot hold", async () => {
        await running(
          { files: { "app.py": `import datetime\ncycle = []\ncycle.append(cycle)\n${returning("eval(event)")}` } },
          async (f) => {
            const cases: [string, RegExp][] = [
              ["{1, 2}", /^Unable to marshal response: Object of type set is not JSON serializable$/],
              [
                "datetime.datetime.now()",
                /^Unable to marshal response: Object of type datetime is not JSON serializable$/,
              ],
              ["{(1, 2): 3}", /^Unable to marshal response: keys must be/],
              ["cycle", /^Unable to marshal response: Circular reference detected$/],
              ["{'a': b'\\xff'}", /^Unable to marshal response: 'utf-8' codec can't decode/],
            ];
            for (const [expression, message] of cases) {
              const answer = await f.invoke(expression);
              assert.equal(answer.failure?.type, "Runtime.MarshalError");
              assert.match(answer.failure?.document.errorMessage, message);
              assert.deepEqual(answer.failure?.document.stackTrace, []);
            }
          },
        );
      });

      it("ends with the function, after what it printed and logged", async () => {
        const code = `
import logging, os, sys
def handler(event, context):
    print("printed")
    logging.error("logged")
    if event["hard"]:
        os._exit(6)
    sys.exit(5)
`;
        for (const [hard, code_] of [
          [true, 6],
          [false, 5],
        ] as const) {
          await running(code, async (f) => {
            const answer = await f.invoke({ hard });
            assert.deepEqual(answer.exit, { code: code_, signal: null });
            assert.match(answer.logs[0]!, /logged\n$/);
            assert.equal(f.output(), "printed\n");
          });
        }
      });
    });

    describe("logging", () => {
      it("writes one message a record, with level, time and request id", async () => {
        const code = `
import logging
logging.warning("at init")
def handler(event, context):
    logging.getLogger("mine").warning("a %s\\nb", 1)
    logging.info("not shown")
    logging.getLogger().setLevel(logging.INFO)
    logging.info("shown")
`;
        await running(code, async (f) => {
          const { logs, logStreams } = await f.invoke({});
          const shown = logs.map((line) => line.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, "TIME"));
          assert.deepEqual(shown, [`[WARNING]\tTIME\t${requestId}\ta 1\nb\n`, `[INFO]\tTIME\t${requestId}\tshown\n`]);
          assert.deepEqual(logStreams, [1, 1]);
        });
      });

      it("writes JSON when asked, at the level asked for", async () => {
        const code = `
import logging
def handler(event, context):
    logging.debug("quiet")
    logging.info({"a": 1}, extra={"more": [1]})
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("failed")
    raise KeyError("x")
`;
        const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" };
        await running({ files: { "app.py": code }, env }, async (f) => {
          const { logs } = await f.invoke({}, { head: { "Lambda-Runtime-Aws-Tenant-Id": "blue" } });
          const [first, second, third] = logs.map((line) => JSON.parse(line));
          assert.equal(logs.length, 3);
          assert.match(first.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
          const { timestamp, ...rest } = first;
          assert.deepEqual(rest, {
            level: "INFO",
            message: { a: 1 },
            logger: "root",
            requestId,
            tenantId: "blue",
            more: [1],
          });
          assert.deepEqual([second.level, second.errorType, second.message], ["ERROR", "ZeroDivisionError", "failed"]);
          assert.match(second.location, /app\.py:handler:\d+$/);
          assert.match(second.stackTrace[0], /1 \/ 0/);
          assert.deepEqual([third.level, third.errorType, third.requestId], ["ERROR", "KeyError", requestId]);
        });
      });

      it("lets a function format records its own way, with the request id", async () => {
        const code = `
import logging
logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(message)s"))
def handler(event, context):
    logging.warning("mine")
`;
        assert.deepEqual((await answerOf(code)).logs, [`${requestId}|mine`]);
      });

      it("passes prints on before the answer, unfinished lines too", async () => {
        const code = `
import sys
def handler(event, context):
    print("a line")
    sys.stdout.write("no end")
    sys.stderr.write("error")
`;
        await running(code, async (f) => {
          await f.invoke({});
          f.closeLink();
          await f.exited();
          assert.match(f.output(), /a line\nno end/);
          assert.match(f.output(), /error/);
        });
      });

      it("says with the answer that something was written past the link, whoever wrote it", async () => {
        const code = `
import logging, os, subprocess, sys
ways = {
    "nothing": lambda: logging.warning("framed"),
    "print": lambda: print("x"),
    "unfinished": lambda: sys.stdout.write("x"),
    "stderr": lambda: sys.stderr.buffer.write(b"x"),
    "original": lambda: sys.__stdout__.write("x"),
    "os.write": lambda: os.write(1, b"x"),
    "os.system": lambda: os.system("echo x"),
    "subprocess": lambda: subprocess.call("true"),
}
def handler(event, context):
    ways[event]()
`;
        await running(code, async (f) => {
          assert.equal((await f.invoke("nothing")).raw, false);
          for (const loud of ["print", "unfinished", "stderr", "original", "os.write", "os.system"]) {
            assert.equal((await f.invoke(loud)).raw, true, loud);
            assert.equal((await f.invoke("nothing")).raw, false, `after ${loud}`);
          }
          // A child may write at any time.
          assert.equal((await f.invoke("subprocess")).raw, true);
          assert.equal((await f.invoke("nothing")).raw, true);
        });
      });

      it("survives a function that closes its output", async () => {
        const code =
          "import sys, os\ndef handler(e, c):\n    sys.stdout.close()\n    os.close(1) if e else None\n    return 1\n";
        assert.equal((await answerOf(code)).body.toString(), "1");
      });

      it("names no stream for a forked child, and keeps frames of threads whole", async () => {
        const code = `
import logging, os, threading
def handler(event, context):
    child = os.fork()
    if child == 0:
        logging.error("from the child")
        os._exit(0)
    os.waitpid(child, 0)
    threads = [threading.Thread(target=logging.error, args=(str(n) * 50000,)) for n in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
`;
        const { logs, logStreams } = await answerOf(code);
        assert.deepEqual(logStreams, [0, 1, 1, 1, 1, 1, 1, 1, 1]);
        const texts = logs.slice(1).map((line) => line.split("\t")[3]!);
        assert.ok(texts.every((text) => text.length === 50001 && new Set(text.trim()).size === 1));
      });
    });

    it("ends when the agent closes the link, and runs a SIGTERM handler while it waits", async () => {
      const code = `
import signal, sys
def bye(*_):
    print("bye")
    sys.exit(3)
signal.signal(signal.SIGTERM, bye)
def handler(event, context):
    return 1
`;
      await running(code, async (f) => {
        await f.invoke({});
        f.child.kill("SIGTERM");
        assert.deepEqual((await f.exited()).exit, { code: 3, signal: null });
        assert.equal(f.output(), "bye\n");
      });
      await running(returning("1"), async (f) => {
        f.closeLink();
        assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
      });
    });
  });
}
