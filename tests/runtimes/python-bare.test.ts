import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { codeFolder, functionEnvironment, type RuntimeUnderTest, startBare, startRuntime } from "./harness.ts";
import { pythonInterpreters } from "./interpreters.ts";

const runtimeFolder = join(import.meta.dirname, "..", "..", "runtimes", "python");
const own = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: runtimeFolder };

for (const { runtime, path } of await pythonInterpreters()) {
  const command = [path!, "-s", "-S", join(runtimeFolder, "bootstrap.py")];
  const folderOf = (files: Readonly<Record<string, string>>) => {
    const root = codeFolder(files);
    return root;
  };
  /** A copy made without a function, prepared and waiting for one. */
  const bare = async (use: (started: RuntimeUnderTest) => Promise<void>): Promise<void> => {
    const started = startBare(command, own);
    try {
      assert.ok((await started.start()).marks, started.output());
      const prepared = await started.prepare();
      assert.deepEqual([prepared.type, prepared.drew, prepared.logs], ["PREPARED", false, []], started.output());
      await use(started);
    } finally {
      await started.stop();
    }
  };
  const environmentOf = (root: string, env = {}, handler = "app.handler") =>
    functionEnvironment(root, handler, { ...own, ...env });
  const json = async (started: RuntimeUnderTest) => {
    const answer = await started.invoke({});
    assert.equal(answer.type, "RESPONSE", `${JSON.stringify(answer.failure)} ${started.output()}`);
    return JSON.parse(answer.body.toString());
  };
  const loaded = async (f: RuntimeUnderTest, env: Readonly<Record<string, string>>) => {
    const answer = await f.load(env);
    assert.equal(answer.type, "READY", `${JSON.stringify(answer)} ${f.output()}`);
    return answer;
  };
  /** What the handler returns in a plain start and in such a copy. */
  const both = async (files: Readonly<Record<string, string>>, env = {}, handler?: string) => {
    const root = folderOf(files);
    const plain = startRuntime(command, root, handler ?? "app.handler", { ...own, ...env });
    try {
      assert.ok((await plain.start()).marks, plain.output());
      const expected = await json(plain);
      await bare(async (f) => {
        await loaded(f, environmentOf(root, env, handler));
        assert.deepEqual(await json(f), expected);
      });
      return expected;
    } finally {
      await plain.stop();
    }
  };

  describe(`${runtime}, copied without a function`, { concurrency: 2 }, () => {
    it("loads its function and serves, with the marks of a start", async () => {
      const root = folderOf({ "app.py": "def handler(event, context):\n    return 'served'\n" });
      await bare(async (f) => {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const { boot, load, loaded: done } = (await loaded(f, environmentOf(root))).marks!;
        const all = [before, boot!, load!, done!, Number(process.hrtime.bigint()) / 1e6];
        assert.deepEqual(
          all,
          all.toSorted((a, b) => a - b),
        );
        for (let n = 0; n < 3; n++) assert.equal(await json(f), "served");
      });
    });

    it("rehearses where nobody waits, and tells nobody", async () => {
      const root = folderOf({ "app.py": "def handler(event, context):\n    return 'served'\n" });
      await bare(async (f) => {
        const { type, logs } = await f.load(environmentOf(root), true);
        assert.deepEqual([type, logs, f.output()], ["READY", [], ""]);
        assert.equal(await json(f), "served");
      });
    });

    it("shows the function what a plain start shows", async () => {
      const code = `
import os, signal, sys, time
def seen():
    return [sorted(os.environ.items()), sys.path, sys.argv, os.getcwd(), sys.flags.no_site, time.tzname,
            len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), __name__, sys.dont_write_bytecode,
            [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]]
at_init = seen()
def handler(event, context):
    return [at_init, seen(), context.function_name, context.log_stream_name, context.memory_limit_in_mb]
`;
      const env = { TZ: "Asia/Tokyo", NAME: "w", PYTHONPATH: `/opt/python:${runtimeFolder}:/opt/more` };
      await both({ "app.py": code }, env);
    });

    it("takes over variables byte by byte, whatever the locale", async () => {
      const root = folderOf({
        "app.py": "import os\ndef handler(event, context):\n    return os.environb[b'NAME'].decode('utf-8')\n",
      });
      await bare(async (f) => {
        await loaded(f, environmentOf(root, { NAME: "wärme" }));
        assert.equal(await json(f), "wärme");
      });
    });

    it("logs as the function's variables say", async () => {
      const code = `
import logging
logging.info("hidden")
logging.warning("init")
def handler(event, context):
    logging.error("served")
`;
      const root = folderOf({ "app.py": code });
      await bare(async (f) => {
        const env = environmentOf(root, { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "WARN" });
        const { logs } = await loaded(f, env);
        assert.deepEqual(
          logs.map((line) => JSON.parse(line).message),
          ["init"],
        );
        assert.equal(JSON.parse((await f.invoke({})).logs[0]!).message, "served");
      });
    });

    it("gives the function its own module where one of the standard library has that name", async () => {
      const code = `
import logging, random, subprocess, threading, uuid
def handler(event, context):
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()
    logging.warning("logged")
    return [uuid.OWN, random.choice([1]), logging.__file__, subprocess.call(["true"])]
`;
      const files = { "calendar.py": code, "uuid.py": "OWN = 'own'\n" };
      assert.equal((await both(files, {}, "calendar.handler"))[0], "own");
    });

    it("gives the function the packages that it brings, and all of what they import", async () => {
      const code = `
import boto3, jmespath, urllib3
def handler(event, context):
    return [boto3.OWN, boto3.six.OWN, jmespath.OWN, urllib3.OWN, boto3.__file__]
`;
      const own = "OWN = 'own'\n";
      const files = { "boto3/__init__.py": `import six\n${own}`, "six.py": own, "jmespath.py": own, "urllib3.py": own };
      assert.deepEqual((await both({ "app.py": code, ...files })).slice(0, 4), ["own", "own", "own", "own"]);
    });

    it("draws other random numbers in every copy", async () => {
      const code = "import random\ndrawn = random.random()\ndef handler(event, context):\n    return drawn\n";
      const root = folderOf({ "app.py": code });
      const drawn: number[] = [];
      for (let n = 0; n < 2; n++) {
        await bare(async (f) => {
          await loaded(f, environmentOf(root));
          drawn.push(await json(f));
        });
      }
      assert.notEqual(drawn[0], drawn[1]);
    });

    for (const [what, code, type] of [
      ["raises", "raise TypeError('no')", "TypeError"],
      ["cannot be parsed", "]", "Runtime.UserCodeSyntaxError"],
      ["lacks the handler", "", "Runtime.HandlerNotFound"],
      ["lacks a module", "import nothing_of_this_name", "Runtime.ImportModuleError"],
    ] as const) {
      it(`reports a function that ${what} as a plain start does`, async () => {
        const root = folderOf({ "app.py": code });
        const plain = startRuntime(command, root, "app.handler", own);
        const { answer: expected } = await plain.start();
        const expectedExit = (await plain.exited()).exit;
        await bare(async (f) => {
          const answer = await f.load(environmentOf(root));
          assert.equal(answer.type, "INIT_ERROR");
          assert.equal(answer.failure!.type, type);
          assert.deepEqual(answer.failure, expected!.failure);
          assert.deepEqual(answer.logs, expected!.logs);
          assert.deepEqual((await f.exited()).exit, expectedExit);
        });
      });
    }

    it("ends when the host closes the link", async () => {
      await bare(async (f) => {
        f.closeLink();
        assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
      });
    });
  });
}
