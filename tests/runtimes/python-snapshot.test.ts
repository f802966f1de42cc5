import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { codeFolder, type RuntimeUnderTest, startRuntime } from "./harness.ts";
import { pythonInterpreters } from "./interpreters.ts";

const runtimeFolder = join(import.meta.dirname, "..", "..", "runtimes", "python");

const returns = (expression: string) => `def handler(event, context):\n    return ${expression}\n`;

for (const { runtime, path } of await pythonInterpreters()) {
  const start = (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>) => {
    const root = codeFolder(files);
    const settings = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: runtimeFolder, ...env };
    return startRuntime([path!, "-s", "-S", join(runtimeFolder, "bootstrap.py")], root, "app.handler", settings);
  };
  /** A process that is to be copied, its init done. */
  const template = async (
    code: string,
    use: (started: RuntimeUnderTest) => Promise<void>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    const started = start({ "app.py": code, ...files }, { _THAW_TEMPLATE: "1" });
    try {
      const { answer } = await started.start();
      assert.equal(answer, undefined, `init failed: ${JSON.stringify(answer?.failure)} ${started.output()}`);
      await use(started);
    } finally {
      await started.stop();
    }
  };
  const json = async (started: RuntimeUnderTest) => {
    const answer = await started.invoke({});
    assert.equal(answer.type, "RESPONSE", `${JSON.stringify(answer.failure)} ${started.output()}`);
    return JSON.parse(answer.body.toString());
  };
  /** PREPARE and RESUME, which must both succeed; says whether init drew. */
  const copied = async (started: RuntimeUnderTest, env?: Readonly<Record<string, string | null>>) => {
    const prepared = await started.prepare();
    assert.equal(prepared.type, "PREPARED", `${JSON.stringify(prepared.failure)} ${started.output()}`);
    const resumed = await started.resume(env);
    assert.equal(resumed.type, "READY", `${JSON.stringify(resumed.failure)} ${started.output()}`);
    return { drew: prepared.drew, marks: resumed.marks! };
  };

  describe(`${runtime}, as a template`, { concurrency: 2 }, () => {
    it("serves the event that comes with RESUME once it is ready, with all its time", async () => {
      const code = "import snapshot_restore_py, time\nsnapshot_restore_py.register_after_restore(time.sleep, 1)\n";
      await template(code + returns("[event, context.get_remaining_time_in_millis()]"), async (f) => {
        assert.equal((await f.prepare()).type, "PREPARED");
        const [ready, answer] = await f.resumeWith({ n: 1 }, 60_000);
        assert.deepEqual([ready.type, answer.type], ["READY", "RESPONSE"], f.output());
        const [event, left] = JSON.parse(answer.body.toString()) as [unknown, number];
        assert.deepEqual(event, { n: 1 });
        assert.ok(left > 59_100 && left <= 60_000, `${left}`);
        assert.ok((await json(f))[1] <= 3000);
      });
    });

    it("is prepared, resumes with the marks of the copy, and serves", async () => {
      await template(returns("'served'"), async (f) => {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const { marks, drew } = await copied(f);
        const all = [before, marks.boot!, marks.load!, marks.loaded!, Number(process.hrtime.bigint()) / 1e6];
        assert.deepEqual(
          all,
          all.toSorted((a, b) => a - b),
        );
        assert.equal(drew, false);
        for (let n = 0; n < 3; n++) assert.equal(await json(f), "served");
      });
    });

    it("warms up without running the handler, logging or answering", async () => {
      const code = `import logging\nran = []\ndef handler(event, context):\n    ran.append(1)\n    logging.error('ran')\n    return len(ran)\n`;
      await template(code, async (f) => {
        const prepared = await f.prepare();
        assert.deepEqual([prepared.type, prepared.logs, prepared.raw], ["PREPARED", [], false]);
        const resumed = await f.resume();
        assert.deepEqual([resumed.type, resumed.logs], ["READY", []]);
        const { logs, body } = await f.invoke({});
        assert.equal(body.toString(), "1");
        assert.match(logs.join(""), /\tran\n$/);
        assert.equal(f.output(), "");
      });
    });

    it("takes over the copy's variables, for contexts too, and leaves no trace of its own", async () => {
      const code = `import os\nos.environ['GONE'] = 'here'\nseen = '_THAW_TEMPLATE' in os.environ\n${returns(
        "[seen, os.environ.get('GONE'), os.environb[b'NAME'].decode('utf-8'), context.log_stream_name, os.environ['_X_AMZN_TRACE_ID'][:10]]",
      )}`;
      await template(code, async (f) => {
        await copied(f, { NAME: "wärme", GONE: null, AWS_LAMBDA_LOG_STREAM_NAME: "2026/02/02/[1]copy" });
        assert.deepEqual(await json(f), [false, null, "wärme", "2026/02/02/[1]copy", "Root=1-5be"]);
      });
    });

    it("ends when the host closes the link instead of copying it", async () => {
      await template(returns("1"), async (f) => {
        await f.prepare();
        f.closeLink();
        assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
      });
    });

    describe("hooks", () => {
      const recording = `
import os
from snapshot_restore_py import register_before_snapshot, register_after_restore
order = []
register_before_snapshot(order.append, "before 1")
@register_before_snapshot
def second():
    order.append("before 2")
register_after_restore(order.append, "after 1")
register_after_restore(lambda a, b: order.append(a + b + os.environ["NAME"]), "after ", b="2 ")
${returns("order")}`;

      it("run last registered first before, in order after", async () => {
        await template(recording, async (f) => {
          await copied(f, { NAME: "copy" });
          assert.deepEqual(await json(f), ["before 2", "before 1", "after 1", "after 2 copy"]);
        });
      });

      it("run once in a copy that rehearses, which calls no handler and tells nobody", async () => {
        await template(recording, async (f) => {
          assert.equal((await f.prepare()).type, "PREPARED");
          const resumed = await f.resume({ NAME: "copy" }, true);
          assert.deepEqual([resumed.type, f.output()], ["READY", ""]);
          assert.deepEqual(await json(f), ["before 2", "before 1", "after 1", "after 2 copy"]);
        });
      });

      it("are registered and never run in a plain start", async () => {
        const started = start({ "app.py": recording }, {});
        assert.ok((await started.start()).marks);
        assert.deepEqual(await json(started), []);
        await started.stop();
      });

      it("of the package's copy among the function's own are run", async () => {
        const own = `before, after = [], []
def register_after_restore(func, *args, **kwargs):
    after.append((func, args, kwargs))
def get_before_snapshot():
    return before
def get_after_restore():
    return after
`;
        const code = `import snapshot_restore_py as own\nseen = []\nown.register_after_restore(seen.append, 1)\n${returns("[seen, len(own.after)]")}`;
        await template(
          code,
          async (f) => {
            await copied(f);
            assert.deepEqual(await json(f), [[1], 1]);
          },
          { "snapshot_restore_py.py": own },
        );
      });

      const failing = (when: string) =>
        `import snapshot_restore_py as s\ndef fail():\n    raise ValueError('no luck')\ns.register_${when}(fail)\n${returns("1")}`;

      it("fail the init when one raises before", async () => {
        await template(failing("before_snapshot"), async (f) => {
          const answer = await f.prepare();
          assert.deepEqual([answer.type, answer.failure?.type], ["INIT_ERROR", "Runtime.BeforeSnapshotError"]);
          const { errorType, errorMessage, stackTrace } = answer.failure!.document;
          assert.deepEqual([errorType, errorMessage, stackTrace.length], ["ValueError", "no luck", 1]);
          assert.match(answer.logs.join(""), /\[ERROR\] ValueError: no luck/);
          assert.deepEqual((await f.exited()).exit, { code: 64, signal: null });
        });
      });

      it("fail the restore when one raises after", async () => {
        await template(failing("after_restore"), async (f) => {
          assert.equal((await f.prepare()).type, "PREPARED");
          const answer = await f.resume();
          assert.deepEqual([answer.type, answer.failure?.type], ["RESTORE_ERROR", "Runtime.AfterRestoreError"]);
          assert.equal(answer.failure?.document.errorMessage, "no luck");
          assert.deepEqual((await f.exited()).exit, { code: 65, signal: null });
        });
      });

      it("say that they wrote to the raw streams", async () => {
        const code = `import snapshot_restore_py as s\ns.register_before_snapshot(print, 'before')\ns.register_after_restore(print, 'after')\n${returns("1")}`;
        await template(code, async (f) => {
          assert.equal((await f.prepare()).raw, true);
          assert.equal((await f.resume()).raw, true);
          assert.equal((await f.invoke({})).raw, false);
        });
      });
    });

    describe("what it drew", () => {
      const drawing: Readonly<Record<string, string>> = {
        "os.urandom": "import os; os.urandom(4)",
        "a function imported by name": "from os import urandom; urandom(4)",
        "os.getrandom": "import os; os.getrandom(4)",
        secrets: "import secrets; secrets.token_hex()",
        "uuid.uuid4": "import uuid; uuid.uuid4()",
        "random.SystemRandom": "import random; random.SystemRandom().random()",
        "ssl.RAND_bytes": "import ssl; ssl.RAND_bytes(4)",
        "a hook": "import os, snapshot_restore_py as s; s.register_before_snapshot(os.urandom, 4)",
      };
      for (const [what, code] of Object.entries(drawing)) {
        it(`is told: ${what}`, async () => {
          await template(`${code}\n${returns("1")}`, async (f) => assert.equal((await f.prepare()).drew, true));
        });
      }

      it("is nothing where only that was drawn which every copy draws again", async () => {
        const code = `import random, ssl, uuid, tempfile, hashlib, multiprocessing.process\nrandom.random()\nhashlib.sha256(b'x').digest()\n`;
        await template(`${code}${returns("1")}`, async (f) => {
          assert.equal((await f.prepare()).drew, false, f.output());
        });
      });
    });

    describe("uniqueness", () => {
      it("goes on with other random numbers than those that were due, but for generators with a seed", async () => {
        const code = `
import random
from random import Random, random as draw
own, seeded = Random(), Random(7)
state = random._inst.getstate(), own.getstate(), seeded.getstate()
def handler(event, context):
    due = []
    for value in state:
        known = Random()
        known.setstate(value)
        due.append(known.random())
    drawn = [draw(), own.random(), seeded.random()]
    return [a == b for a, b in zip(due, drawn)]
`;
        await template(code, async (f) => {
          await copied(f);
          assert.deepEqual(await json(f), [false, false, true]);
        });
      });

      it("keeps the order that a function's own seed asks for", async () => {
        const code = `import random\nrandom.seed(7)\n${returns("random.random() == random.Random(7).random()")}`;
        await template(code, async (f) => {
          await copied(f);
          assert.equal(await json(f), true);
        });
      });

      it("has numpy seed itself anew, which draws when it is loaded", async () => {
        // A stand-in of the parts that matter: numpy is no package of every interpreter here.
        const numpy = "import os\nstate = [os.urandom(8).hex()]\ndef seed():\n    state.append(os.urandom(8).hex())\n";
        const files = { "numpy/__init__.py": "from . import random\n", "numpy/random/__init__.py": numpy };
        const code = `import numpy\nseeds = numpy.random.state\nof_init = len(seeds)\n${returns("[of_init, len(seeds), len(set(seeds))]")}`;
        await template(
          code,
          async (f) => {
            assert.equal((await copied(f)).drew, false);
            assert.deepEqual(await json(f), [1, 3, 3]);
          },
          files,
        );
        await template(
          `import numpy\nnumpy.random.seed()\n${returns("1")}`,
          async (f) => assert.equal((await f.prepare()).drew, true),
          files,
        );
      });

      it("makes temporary names and the multiprocessing key anew", async () => {
        const code = `
import tempfile, multiprocessing.process
key = bytes(multiprocessing.process.current_process().authkey)
names = tempfile._get_candidate_names()
${returns("[tempfile._get_candidate_names() is names, bytes(multiprocessing.process.current_process().authkey) == key]")}`;
        await template(code, async (f) => {
          await copied(f);
          assert.deepEqual(await json(f), [false, false]);
        });
      });
    });

    it("leaves a plain start as it is", async () => {
      const code = `import os, random, sys\n${returns(
        "[hasattr(os.urandom, '__wrapped__'), random.Random.seed.__code__.co_filename == random.__file__, sorted(name for name in sys.modules if name in ('_thaw.unique', '_thaw.template', '_thaw.prewarm', 'snapshot_restore_py'))]",
      )}`;
      const started = start({ "app.py": code }, {});
      await started.start();
      assert.deepEqual(await json(started), [false, true, []]);
      await started.stop();
    });
  });
}
