import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { program } from "../../bench/harness/processes.ts";
import { createRuntimeApi } from "../../bench/harness/runtime-api.ts";
import { createSpawner } from "../../bench/harness/spawner.ts";
import { compileJava, findJdk, type Jdk, javaFunctions } from "../../bench/peers/index.ts";
import { folder, java, type Server, startServer } from "../../bench/subject/index.ts";

const jdk = await findJdk().catch((error: Error) => error.message);
const skip = typeof jdk === "string" ? jdk : program("mvn") ? false : "mvn is not installed";

describe("Java with AWS's own client", { skip, timeout: 240_000 }, () => {
  let server: Server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test("the benchmark's function answers from a sandbox with every wall, and echoes", async () => {
    const fn = await java(jdk as Jdk, await javaFunctions(jdk as Jdk));
    await server.create(fn);
    // rejects when a wall is missing
    const { payload, timing } = await server.inspect(fn.name);
    assert.deepEqual([payload.version, timing.start], [(jdk as Jdk).version, "plain"]);
    assert.deepEqual((await server.invoke(fn.name, { n: 1 })).payload, { n: 1 });
  });

  test("a typed handler gets its event and its request's id, and what it throws is the function's error", async () => {
    const source = join(import.meta.dirname, "..", "fixtures", "hello-java");
    const fn = await folder("hello-java", "Hello::handleRequest", await compileJava(jdk as Jdk, source));
    await server.create(fn);
    const { payload } = await server.invoke(fn.name, { name: "Ada" });
    assert.equal(payload.message, "Hello, Ada!");
    assert.match(String(payload.requestId), /^[0-9a-f-]{36}$/);
    await assert.rejects(server.invoke(fn.name, { name: "nobody" }), (error: Error) => {
      assert.match(error.message, /Unhandled.*there is nobody to greet.*IllegalArgumentException/s);
      return true;
    });
  });

  test("the baseline times the same client outside until its first answer, and the process then ends", async () => {
    const functions = await javaFunctions(jdk as Jdk);
    const api = await createRuntimeApi();
    const spawner = createSpawner();
    try {
      const env = { AWS_LAMBDA_RUNTIME_API: api.address, _HANDLER: "Function" };
      const answer = api.answer('{"n":2}', '{"exit":true}');
      const [run, { at, body }] = await Promise.all([
        spawner.run([...functions.client, "Function"], "exit", env),
        answer,
      ]);
      assert.deepEqual([run.code, body], [0, '{"n":2}']);
      const firstAnswer = at - run.started;
      assert.ok(firstAnswer > 0 && firstAnswer < run.ms, `${firstAnswer} of ${run.ms} ms`);
      assert.equal((await spawner.run([...functions.bare, "Function"], "byte")).out, "{}");
    } finally {
      spawner.close();
      api.close();
    }
  });
});
