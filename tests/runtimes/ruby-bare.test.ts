import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { findRubies } from "../../src/artifacts/ruby-search.ts";
import { codeFolder, functionEnvironment, type RuntimeUnderTest, startBare, startRuntime } from "./harness.ts";

const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "ruby", "bootstrap.rb");
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const rubies = (await findRubies(process.env.PATH)).filter(({ version }) => version >= "2.7");
const skip = rubies.length === 0 ? "no Ruby on this machine (apt install ruby)" : false;

it("there is a Ruby to test", { skip }, () => assert.ok(rubies.length > 0));

for (const ruby of rubies) {
  const command = [ruby.executable, "--disable-gems", bootstrap];
  const folderOf = (code: string) => {
    const root = codeFolder({ "app.rb": code });
    folders.push(root);
    return root;
  };
  /** A copy made without a function, prepared and waiting for one. */
  const bare = async (use: (started: RuntimeUnderTest) => Promise<void>): Promise<void> => {
    const started = startBare(command, {});
    try {
      assert.ok((await started.start()).marks, started.output());
      const prepared = await started.prepare();
      assert.deepEqual([prepared.type, prepared.drew, prepared.logs], ["PREPARED", false, []], started.output());
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

  describe(`Ruby ${ruby.version}, copied without a function`, () => {
    it("loads its function and serves, with the marks of a start", async () => {
      const root = folderOf("def handler(event:, context:)\n  'served'\nend\n");
      await bare(async (f) => {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const loaded = await f.load(functionEnvironment(root, "app.handler"));
        assert.equal(loaded.type, "READY", JSON.stringify(loaded));
        const { boot, load, loaded: done } = loaded.marks!;
        const all = [before, boot!, load!, done!, Number(process.hrtime.bigint()) / 1e6];
        assert.deepEqual(
          all,
          all.toSorted((a, b) => a - b),
        );
        for (let n = 0; n < 3; n++) assert.equal(await json(f), "served");
      });
    });

    it("shows the function what a plain start shows", async () => {
      const root = folderOf(`
def seen
  [ENV.to_h.sort, Dir.pwd, $LOAD_PATH, $PROGRAM_NAME, Time.at(0).utc_offset, Dir.children("/proc/self/fd").size, $".size]
end
AT_INIT = seen
def handler(event:, context:)
  [AT_INIT, context.function_name, context.log_stream_name, context.memory_limit_in_mb]
end
`);
      const env = { TZ: "Asia/Tokyo", NAME: "wärme" };
      const plain = startRuntime(command, root, "app.handler", env);
      try {
        assert.ok((await plain.start()).marks, plain.output());
        const expected = await json(plain);
        await bare(async (f) => {
          await f.load(functionEnvironment(root, "app.handler", env));
          assert.deepEqual(await json(f), expected);
        });
      } finally {
        await plain.stop();
      }
    });

    it("logs as the function's variables say", async () => {
      const root = folderOf(`require "logger"
Logger.new($stdout).info("hidden")
Logger.new($stdout).warn("init")
def handler(event:, context:)
end
`);
      await bare(async (f) => {
        const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "WARN" };
        const { logs } = await f.load(functionEnvironment(root, "app.handler", env));
        assert.deepEqual(
          logs.map((line) => JSON.parse(line).message),
          ["init"],
        );
      });
    });

    it("reports a function that cannot be loaded as a plain start does", async () => {
      const root = folderOf("raise 'no'\n");
      const plain = startRuntime(command, root, "app.handler");
      const { answer: expected } = await plain.start();
      const expectedExit = (await plain.exited()).exit;
      await bare(async (f) => {
        const answer = await f.load(functionEnvironment(root, "app.handler"));
        assert.equal(answer.type, "INIT_ERROR");
        assert.equal(answer.failure!.type, expected!.failure!.type);
        assert.equal(answer.failure!.document.errorMessage, expected!.failure!.document.errorMessage);
        assert.deepEqual((await f.exited()).exit, expectedExit);
      });
    });
  });
}
