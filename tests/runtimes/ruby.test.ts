import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  CreateFunctionCommand,
  ListLayersCommand,
  PublishLayerVersionCommand,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { findRubies } from "../../src/artifacts/ruby-search.ts";
import { active, invoke, lambdaOf, role, wasCold, zipOf } from "../e2e/lambda.ts";
import { startServer } from "../e2e/server.ts";
import { functionsOf, type Given } from "./functions.ts";
import { codeFolder, type RuntimeUnderTest, requestId, startRuntime } from "./harness.ts";
import { runtimeContract } from "./runtime.contract.ts";

const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "ruby", "bootstrap.rb");
const returning = (expression: string) => `def handler(event:, context:)\n  ${expression}\nend\n`;
const samples = {
  counts: `$n = 0\n${returning("{ n: $n += 1, e: event }")}`,
  measures: returning('{ length: event["text"].size, back: "x" * 6_000_000 }'),
  repeats: returning("'x' * event"),
  looks: returning(
    '[ENV.key?("_THAW_LINK_FD"), (system("test -e /proc/self/fd/3", close_others: false); $?.exitstatus)]',
  ),
  wrapped: returning('ENV["WRAPPED"]'),
};

const rubies = (await findRubies(process.env.PATH)).filter(({ version }) => version >= "2.7");
const skip = rubies.length === 0 ? "no Ruby on this machine (apt install ruby)" : false;

it("there is a Ruby to test", { skip }, () => assert.ok(rubies.length > 0));

for (const ruby of rubies) {
  const functions = functionsOf({
    command: (flags) => [ruby.executable, "--disable-gems", ...flags, bootstrap],
    file: "app.rb",
    handler: "app.handler",
    failedInit: 252,
  });
  const { fileOf, json, failedInit } = functions;
  const running = (
    given: Given | string,
    use: (started: RuntimeUnderTest) => Promise<void>,
    env: Readonly<Record<string, string>> = {},
  ) => functions.running(typeof given === "string" ? { files: fileOf(given), env } : given, use);

  describe(`Ruby ${ruby.version}`, { concurrency: 2 }, () => {
    runtimeContract(functions, samples);

    it("finds handlers in folders, modules and classes", async () => {
      const code = "module Deep\n  class Handler\n    def self.ping(event:, context:) = event\n  end\nend\n";
      for (const [file, handler] of [
        ["app.rb", "app.Deep::Handler.ping"],
        ["lib/deep/app.rb", "lib/deep/app.Deep::Handler.ping"],
      ] as const) {
        await running({ files: { [file]: code }, handler }, async (f) => assert.equal(await json(f, "x"), "x"));
      }
    });

    it("writes JSON as Lambda does, and what is no JSON as it is", async () => {
      const code = `require "stringio"\n${returning("eval(event)")}`;
      await running(code, async (f) => {
        const cases = [
          ["nil", "null"],
          ["{ a: :symbol, 1 => [1, 2.5, true] }", '{"a":"symbol","1":[1,2.5,true]}'],
          ["StringIO.new('raw, é')", "raw, é"],
          ["Struct.new(:a).new(1).then { |s| def s.to_json(*) = '{}'; s }", "{}"],
        ];
        for (const [expression, expected] of cases) {
          assert.equal((await f.invoke(expression)).body.toString(), expected);
        }
      });
    });

    it("lets a function replace the marshaller", async () => {
      const code = `
        class AwsLambda::Marshaller
          def self.marshall_request(raw) = [raw["Content-Type"], raw["Lambda-Runtime-Aws-Request-Id"], raw.body]
          def self.marshall_response(answer) = answer.inspect
        end
        ${returning("event")}`;
      await running(code, async (f) => {
        const answer = await f.invoke({ a: 1 });
        assert.equal(answer.body.toString(), `["application/json", "${requestId}", "{\\"a\\":1}"]`);
      });
    });

    it("gives the documented context", async () => {
      const names =
        "%i[aws_request_id invoked_function_arn log_group_name log_stream_name function_name memory_limit_in_mb function_version]";
      const code = returning(
        `{ of: ${names}.map { |n| context.send(n) }, left: context.get_remaining_time_in_millis, client: context.client_context, identity: context.identity, trace: ENV["_X_AMZN_TRACE_ID"] }`,
      );
      await running(code, async (f) => {
        const head = { "Lambda-Runtime-Client-Context": '{"custom":{"k":"v"}}' };
        const seen = JSON.parse((await f.invoke({}, { head })).body.toString());
        assert.deepEqual(seen.of, [
          requestId,
          "arn:aws:lambda:us-east-1:000000000000:function:under-test",
          "/aws/lambda/under-test",
          "2026/01/01/[$LATEST]abc",
          "under-test",
          "128",
          "$LATEST",
        ]);
        assert.ok(seen.left > 0 && seen.left <= 3000, String(seen.left));
        assert.deepEqual([seen.client, seen.identity], [{ custom: { k: "v" } }, null]);
        assert.match(seen.trace, /^Root=1-5bef4de7/);
      });
    });

    it("reports errors by the name of their class, and serves on", async () => {
      const code = `class Mine < StandardError; end\n${returning('raise Mine, "broken é" if event["mine"]\n  raise ArgumentError, "bad" if event["bad"]\n  1')}`;
      await running(code, async (f) => {
        const mine = await f.invoke({ mine: true });
        assert.equal(mine.type, "ERROR");
        assert.equal(mine.ready, true);
        assert.equal(mine.failure!.type, "Function<UserException>");
        const { stackTrace, ...document } = mine.failure!.document;
        assert.deepEqual(document, { errorMessage: "broken é", errorType: "Function<Mine>" });
        assert.equal(stackTrace.length, 1);
        assert.match(stackTrace[0], /app\.rb:3:in .*handler'/);
        assert.equal(mine.logs[0], "Error raised from handler method\n");
        assert.equal(JSON.parse(mine.logs[1]!).errorType, "Function<Mine>");
        assert.equal((await f.invoke({ bad: true })).failure!.type, "Function<ArgumentError>");
        assert.equal(await json(f), 1);
      });
    });

    it("ends after what Lambda takes for critical: an unknown name, exit, a full stack", async () => {
      const cases: [string, string, RegExp][] = [
        ["event.nothing_like_it", "NoMethodError", /undefined method .nothing_like_it'/],
        ["handle_it(event)", "NoMethodError", /undefined method .handle_it'/],
        ["exit 3", "SystemExit", /exit/],
        ["def r = r(); r", "SystemStackError", /stack level too deep/],
      ];
      for (const [expression, name, message] of cases) {
        await running(returning(expression), async (f) => {
          const answer = await f.invoke({});
          assert.deepEqual([answer.type, answer.ready, answer.failure!.type], ["ERROR", false, `Function<${name}>`]);
          assert.match(answer.failure!.document.errorMessage, message);
          assert.equal((await f.exited()).exit?.code, 255);
        });
      }
      await running({ files: { "app.rb": "1" } }, async (f) => {
        assert.match((await f.invoke({})).failure!.document.errorMessage, /undefined method .handler'/);
      });
    });

    it("fails its init in Lambda's words", async () => {
      const missing = await failedInit({ files: { "other.rb": "" } });
      assert.deepEqual(
        [missing.failure!.type, missing.failure!.document.errorMessage],
        ["Init<LoadError>", "cannot load such file -- app"],
      );
      assert.equal(missing.logs[0], "Init error when loading handler app.handler\n");
      const thrown = await failedInit({ files: { "app.rb": 'require_relative "b"', "b.rb": 'raise "at init"' } });
      assert.equal(thrown.failure!.document.errorType, "Init<RuntimeError>");
      assert.match(thrown.failure!.document.stackTrace.join("\n"), /b\.rb:1.*\n.*app\.rb:1/);
      const named = await failedInit({ files: { "app.rb": "" }, handler: "a.b.c.d" });
      assert.match(named.failure!.document.errorMessage, /must be of form FILENAME\.METHOD/);
      assert.equal(
        (await failedInit({ files: { "app.rb": "def (" } })).failure!.document.errorType,
        "Init<SyntaxError>",
      );
      assert.equal((await failedInit({ files: { "app.rb": "exit" } })).failure!.document.errorType, "Init<SystemExit>");
    });

    it("sends what is put as one message, and marks what goes past the link", async () => {
      const code = returning(
        'case event\n  when "puts" then puts "a", ["b", 1]\n  when "system" then system("echo x")\n  else eval(event)\n  end\n  1',
      );
      await running(code, async (f) => {
        const put = await f.invoke("puts");
        assert.deepEqual([put.logs, put.logStreams, put.raw], [["a\nb\n1\n"], [1], false]);
        for (const past of [
          'print "p"',
          "p 1",
          '$stdout.puts "x"',
          'warn "w"',
          '$stderr.write("e")',
          'STDOUT << "s"',
          "system",
        ]) {
          assert.equal((await f.invoke(past)).raw, true, past);
        }
        assert.equal((await f.invoke("nil")).raw, false);
        assert.equal((await f.invoke('spawn("true").then { |pid| Process.wait(pid) }')).raw, true);
        assert.equal((await f.invoke("nil")).raw, true, "children may still write");
      });
    });

    it("sends each record of a logger as one message, as text or as JSON", async () => {
      const code = `require "logger"\nLOG = Logger.new($stdout, progname: "me")\n${returning('LOG.info("two\\nlines")\n  LOG.error(ArgumentError.new("bad"))\n  1')}`;
      await running(code, async (f) => {
        const { logs, raw } = await f.invoke({});
        assert.equal(raw, false);
        assert.match(logs[0]!, new RegExp(`^I, \\[\\d{4}-.* #\\d+\\]  INFO ${requestId} -- me: two\nlines\n$`));
        assert.match(logs[1]!, /ERROR .*bad \(ArgumentError\)/);
      });
      const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "WARN" };
      await running(
        code,
        async (f) => {
          const { logs } = await f.invoke({});
          assert.equal(logs.length, 1, "below the level");
          const { timestamp, ...record } = JSON.parse(logs[0]!);
          assert.match(timestamp, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/);
          assert.deepEqual(record, {
            level: "ERROR",
            message: "bad",
            requestId,
            logger: "me",
            errorType: "ArgumentError",
            errorMessage: "bad",
            stackTrace: [],
          });
        },
        env,
      );
    });

    it("loads RubyGems only when it is asked for, or when the function brings gems along", async () => {
      const loaded = '$LOADED_FEATURES.any? { |f| f.end_with?("/rubygems.rb") }';
      await running(
        `require "set"\nrequire "securerandom"\n${returning(`[${loaded}, Gem::VERSION.size > 2, ${loaded}]`)}`,
        async (f) => {
          assert.deepEqual(await json(f), [false, true, true]);
        },
      );
      const gems = join("vendor", "bundle", "ruby", ruby.abi);
      const files = {
        "app.rb": `require "mine"\n${returning("Mine::NAME")}`,
        [`${gems}/gems/mine-1.0/lib/mine.rb`]: 'module Mine; NAME = "of a gem"; end',
        [`${gems}/specifications/mine-1.0.gemspec`]:
          'Gem::Specification.new { |s| s.name = "mine"; s.version = "1.0"; s.summary = "s"; s.authors = ["a"]; s.files = ["lib/mine.rb"] }',
      };
      const root = codeFolder(files);
      const started = startRuntime([ruby.executable, "--disable-gems", bootstrap], root, "app.handler", {
        GEM_PATH: join(root, gems),
      });
      const { answer } = await started.start();
      assert.equal(answer, undefined, JSON.stringify(answer?.failure));
      assert.equal(await json(started), "of a gem");
      await started.stop();
    });
  });

  describe(`Ruby ${ruby.version}, as a template`, { concurrency: 2 }, () => {
    const template = { _THAW_TEMPLATE: "1" };

    it("runs its hooks, takes the copy's variables, and serves", async () => {
      const code = `
        $seen = []
        Thaw::Snapshot.before_snapshot { $seen << "first" }
        Thaw::Snapshot.before_snapshot { $seen << "second" }
        Thaw::Snapshot.after_restore { $seen << ENV["NEW"] }
        Thaw::Snapshot.after_restore { $seen << ENV["OLD"].inspect }
        ${returning('{ seen: $seen, template: ENV["_THAW_TEMPLATE"] }')}`;
      await running(
        code,
        async (f) => {
          const prepared = await f.prepare();
          assert.deepEqual([prepared.type, prepared.drew], ["PREPARED", false]);
          const before = Number(process.hrtime.bigint()) / 1e6;
          const resumed = await f.resume({ NEW: "new", OLD: null });
          assert.equal(resumed.type, "READY");
          const { boot, load, loaded } = resumed.marks!;
          assert.ok(before <= boot! && boot! <= load! && load! <= loaded!);
          assert.deepEqual(await json(f), { seen: ["second", "first", "new", "nil"], template: null });
        },
        { ...template, OLD: "old" },
      );
    });

    it("says when its init drew random bytes that copies would share", async () => {
      const cases: [string, boolean][] = [
        ["", false],
        ["rand; [1, 2].shuffle", false], // reseeded in every copy
        ['require "securerandom"; SecureRandom.uuid', true],
        ["Random.new.rand", true],
        ["Random.new(1).rand", false],
        ["Random.urandom(4)", true],
        ['require "openssl"', false],
        ['require "securerandom"', false],
        ['require "openssl"; OpenSSL::Random.random_bytes(4)', true],
      ];
      for (const [init, drew] of cases) {
        await running(
          `${init}\n${returning("1")}`,
          async (f) => assert.equal((await f.prepare()).drew, drew, init),
          template,
        );
      }
    });

    it("draws other numbers after it is resumed than the process would have drawn", async () => {
      const code = `srand(42)\n${returning("[rand(2**62), Random.rand(2**62), [*1..40].shuffle]")}`;
      const drawn = async (copied: boolean): Promise<unknown> => {
        let numbers: unknown;
        await running(
          code,
          async (f) => {
            if (copied) {
              await f.prepare();
              await f.resume();
            }
            numbers = await json(f);
          },
          template,
        );
        return numbers;
      };
      assert.deepEqual(await drawn(false), await drawn(false), "the seed makes them equal");
      assert.notDeepEqual(await drawn(true), await drawn(true));
    });

    it("reports a hook that fails, and ends", async () => {
      const failing = (when: string) => `Thaw::Snapshot.${when} { raise IOError, "no" }\n${returning("1")}`;
      await running(
        failing("before_snapshot"),
        async (f) => {
          const prepared = await f.prepare();
          assert.deepEqual([prepared.type, prepared.failure!.document.errorMessage], ["INIT_ERROR", "no"]);
          assert.equal((await f.exited()).exit?.code, 252);
        },
        template,
      );
      await running(
        failing("after_restore"),
        async (f) => {
          assert.equal((await f.prepare()).type, "PREPARED");
          const resumed = await f.resume();
          assert.deepEqual([resumed.type, resumed.failure!.document.errorMessage], ["RESTORE_ERROR", "no"]);
          assert.equal((await f.exited()).exit?.code, 252);
        },
        template,
      );
    });
  });

  it(`Ruby ${ruby.version} answers inside the sandbox, through the API`, async (t) => {
    await using server = await startServer();
    const client = lambdaOf(server);
    t.after(() => client.destroy());
    const name = `ruby${ruby.version.split(".").slice(0, 2).join(".")}`;
    const code = `
      require "logger"
      def handler(event:, context:)
        name = event.fetch("name", "world")
        Logger.new($stdout).info("hello #{name}")
        raise KeyError, "nobody is there" if name == "nobody"
        { message: "Hello, #{name}!", requestId: context.aws_request_id, cwd: Dir.pwd }
      end`;
    await client.send(
      new CreateFunctionCommand({
        FunctionName: "ruby",
        Runtime: name as Runtime,
        Role: role,
        Handler: "app.handler",
        MemorySize: 256,
        Timeout: 30,
        Code: { ZipFile: await zipOf({ "app.rb": code }) },
      }),
    );
    await active(client, "ruby");
    const runtimes = [name as Runtime];
    const Content = { ZipFile: await zipOf({ "ruby/lib/none.rb": "" }) };
    await client.send(new PublishLayerVersionCommand({ LayerName: "gems", CompatibleRuntimes: runtimes, Content }));
    const { Layers } = await client.send(new ListLayersCommand({ CompatibleRuntime: name as Runtime }));
    assert.deepEqual(
      Layers?.map(({ LayerName }) => LayerName),
      ["gems"],
    );
    await assert.rejects(
      client.send(new ListLayersCommand({ CompatibleRuntime: "ruby0.1" as Runtime })),
      /Value 'ruby0.1' at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: \[/,
    );
    const cold = await invoke(client, "ruby", { name: "Ada" });
    assert.equal(cold.functionError, undefined, `${JSON.stringify(cold.payload)}\n${cold.log}`);
    const { cwd, ...payload } = cold.payload;
    assert.deepEqual(payload, { message: "Hello, Ada!", requestId: cold.requestId });
    if (server.driver === "container") assert.equal(cwd, "/var/task");
    assert.match(cold.log, new RegExp(`INFO ${cold.requestId} -- : hello Ada`));
    assert.equal(wasCold(cold.log), true);
    const failed = await invoke(client, "ruby", { name: "nobody" });
    assert.deepEqual([failed.functionError, failed.payload.errorType], ["Unhandled", "Function<KeyError>"]);
    assert.equal(wasCold((await invoke(client, "ruby")).log), false);
  });
}
