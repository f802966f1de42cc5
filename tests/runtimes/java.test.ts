import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CreateCapacityProviderCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionScalingConfigCommand,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { archiveName } from "../../src/artifacts/java-archive.ts";
import { clientDirectory } from "../../src/artifacts/java-client.ts";
import { findJdks, type Jdk } from "../../src/artifacts/java-search.ts";
import { configOf } from "../../src/config.ts";
import {
  active,
  answerOf,
  createFunction,
  type Files,
  invoke,
  lambdaOf,
  role,
  updated,
  wasCold,
  zipOf,
} from "../e2e/lambda.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { type RuntimeOverHttp, startOverHttp } from "./http-harness.ts";

/** Java functions inside the sandbox, through the API, on every JDK of this machine that Lambda has a name for. */
const names: Readonly<Record<number, Runtime>> = { 11: "java11", 17: "java17", 21: "java21", 25: "java25" };
const jdks = findJdks(process.env.PATH).filter(
  (jdk, at, all) =>
    names[jdk.major] !== undefined &&
    existsSync(join(jdk.home, "bin", "javac")) &&
    all.findIndex(({ major }) => major === jdk.major) === at,
);

const sources = join(import.meta.dirname, "..", "fixtures", "managed-java");
const work = mkdtempSync(join(tmpdir(), "thaw-java-test-"));
const skip = jdks.length === 0 ? "no JDK on this machine (apt install openjdk-17-jdk-headless)" : false;
let server: Server;
let client: LambdaClient;

before(async () => {
  if (skip) return;
  server = await startServer();
  client = lambdaOf(server);
});
after(async () => {
  rmSync(work, { recursive: true, force: true });
  if (skip) return;
  client.destroy();
  await server[Symbol.asyncDispose]();
});

test("there is a JDK to test", { skip }, () => assert.ok(jdks.length > 0));

for (const jdk of jdks) {
  const runtime = names[jdk.major]!;
  const tool = (name: string, args: readonly string[]) => execFileSync(join(jdk.home, "bin", name), args);

  describe(runtime, () => {
    let classes: string;

    before(async () => {
      classes = await compiled(jdk, tool);
    });

    const create = (name: string, Handler: string, code: Files | string, variables: Record<string, string> = {}) =>
      createFunction(client, `${runtime}-${name}`, {
        code,
        Handler,
        Runtime: runtime,
        MemorySize: 512,
        Environment: { Variables: variables },
      });

    test("a method with objects answers, keeps its environment, logs, and reports what was thrown", async () => {
      await create("hello", "demo.Hello::handle", classes);
      const cold = await invoke(client, `${runtime}-hello`, { name: "Ada" });
      assert.equal(cold.functionError, undefined, `${JSON.stringify(cold.payload)}\n${cold.log}`);
      assert.deepEqual(cold.payload, { message: "Hello, Ada!", requestId: cold.requestId });
      assert.match(cold.log, /hello Ada/);
      assert.equal(wasCold(cold.log), true);
      const warm = await invoke(client, `${runtime}-hello`, {});
      assert.deepEqual(warm.payload, { message: "Hello, world!", requestId: warm.requestId });
      assert.equal(wasCold(warm.log), false);
      const failed = await invoke(client, `${runtime}-hello`, { name: "nobody" });
      assert.equal(failed.functionError, "Unhandled");
      assert.equal(failed.payload.errorType, "java.lang.IllegalArgumentException");
      assert.equal(failed.payload.errorMessage, "nobody is there");
      assert.match(failed.payload.stackTrace[0], /^demo\.Hello\.handle\(Hello\.java:\d+\)$/);
    });

    test("a class with an interface of Lambda's sees the JVM that Lambda would start", async () => {
      await create("inside", "demo.Inside", classes);
      const seen = await answerOf(client, `${runtime}-inside`);
      assert.equal(seen.version, jdk.version);
      assert.ok(seen.heap > 0.7 * 512 * 2 ** 20 && seen.heap < 0.9 * 512 * 2 ** 20, `heap of ${seen.heap} bytes`);
      for (const flag of ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]) {
        assert.ok(seen.flags.includes(flag), `${flag} in ${seen.flags}`);
      }
      assert.deepEqual([seen.limit, seen.template], [512, "null"]);
      assert.ok(seen.left > 0 && seen.left <= 30_000);
      if (server.driver === "container") assert.equal(seen.cwd, "/var/task");
    });

    test("JAVA_TOOL_OPTIONS win over the runtime's own flags", async () => {
      const JAVA_TOOL_OPTIONS = "-Dmine=yes -Xmx100m -XX:TieredStopAtLevel=4 -XX:+UseParallelGC";
      await create("options", "demo.Inside", classes, { JAVA_TOOL_OPTIONS });
      const seen = await answerOf(client, `${runtime}-options`);
      assert.equal(seen.mine, "yes");
      assert.ok(seen.heap <= 100 * 2 ** 20, `heap of ${seen.heap} bytes`);
      assert.ok(!seen.flags.includes("-XX:+UseSerialGC") && !seen.flags.includes("-XX:TieredStopAtLevel=1"));
    });

    test("a wrapper script of the function's starts the JVM", async () => {
      const script = '#!/bin/sh\nexport FROM_WRAPPER=yes JAVA_TOOL_OPTIONS=-Dmine=wrapped\nexec "$@"\n';
      const files = { wrapper: script, "demo/Inside.class": readFileSync(join(classes, "demo", "Inside.class")) };
      await create("wrapper", "demo.Inside", files, { AWS_LAMBDA_EXEC_WRAPPER: "/var/task/wrapper" });
      const seen = await answerOf(client, `${runtime}-wrapper`);
      assert.deepEqual([seen.fromWrapper, seen.mine], ["yes", "wrapped"]);
    });

    test("the archive of classes that the platform makes is used, and says nothing", async (t) => {
      if (archiveName(jdk) === undefined) return t.skip("this JDK makes none");
      const made = () => existsSync(join(clientDirectory(jdk, shelf()), archiveName(jdk)!));
      for (let patience = 600; !made(); patience--) {
        assert.ok(patience > 0, "no archive was made within a minute");
        await new Promise((again) => setTimeout(again, 100));
      }
      await create("archived", "demo.Inside", classes, { JAVA_TOOL_OPTIONS: "-Dmine=x" });
      const { payload, log } = await invoke(client, `${runtime}-archived`);
      assert.match(String(payload.flags), /-XX:(AOTCache|SharedArchiveFile)=/);
      assert.doesNotMatch(log, /warning|CDS|AOT/i);
    });

    test("an event says whose it is, and no environment has two tenants", async () => {
      const TenancyConfig = { TenantIsolationMode: "PER_TENANT" as const };
      const settings = { Handler: "demo.Meeting", Runtime: runtime, MemorySize: 512 };
      await createFunction(client, `${runtime}-tenants`, { code: classes, ...settings, TenancyConfig });
      const streams = new Map<string, Set<string>>();
      for (const TenantId of ["one", "two", "one", "two"]) {
        const { tenant, stream } = await answerOf(client, `${runtime}-tenants`, {}, { TenantId });
        assert.equal(tenant, TenantId);
        streams.set(stream, (streams.get(stream) ?? new Set()).add(TenantId));
      }
      for (const [stream, tenants] of streams) assert.equal(tenants.size, 1, stream);
    });

    const old = jdk.major < 21 ? `${runtime} is not for capacity providers` : false;
    test("on a capacity provider AWS's client runs several events at once", { skip: old }, async () => {
      const FunctionName = `${runtime}-several`;
      const CapacityProviderName = `${runtime}-provider`;
      const { CapacityProvider } = await client.send(
        new CreateCapacityProviderCommand({
          CapacityProviderName,
          VpcConfig: { SubnetIds: ["subnet-1"], SecurityGroupIds: [] },
          PermissionsConfig: { CapacityProviderOperatorRoleArn: role },
        }),
      );
      const LambdaManagedInstancesCapacityProviderConfig = {
        CapacityProviderArn: CapacityProvider!.CapacityProviderArn,
        PerExecutionEnvironmentMaxConcurrency: 4,
      };
      await client.send(
        new CreateFunctionCommand({
          FunctionName,
          Role: role,
          Runtime: runtime,
          Handler: "demo.Meeting",
          MemorySize: 2048,
          Timeout: 30,
          Code: { ZipFile: await zipOf(classes) },
          CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig },
        }),
      );
      await updated(client, FunctionName);
      const Qualifier = "$LATEST.PUBLISHED";
      await client.send(new PublishVersionCommand({ FunctionName, PublishTo: "LATEST_PUBLISHED" }));
      const FunctionScalingConfig = { MinExecutionEnvironments: 1, MaxExecutionEnvironments: 1 };
      await client.send(new PutFunctionScalingConfigCommand({ FunctionName, Qualifier, FunctionScalingConfig }));
      const calls = Array.from({ length: 4 }, (_, n) => invoke(client, FunctionName, { n, meet: 4 }));
      const streams = new Set<string>();
      for (const [n, { payload, requestId }] of (await Promise.all(calls)).entries()) {
        assert.deepEqual([payload.met, payload.n, payload.id], [true, n, requestId], JSON.stringify(payload));
        streams.add(payload.stream);
      }
      assert.equal(streams.size, 1);
      await client.send(new DeleteFunctionCommand({ FunctionName }));
    });

    test("a stream handler finds the jars in lib/", async () => {
      await create("streaming", "demo.Streaming", classes);
      assert.deepEqual(await answerOf(client, `${runtime}-streaming`, { loud: "é" }), { LOUD: "É" });
    });

    test("a jar is a function's package as it is", async () => {
      const jar = join(work, `${runtime}.jar`);
      tool("jar", [
        "--create",
        "--file",
        jar,
        "-C",
        classes,
        "demo",
        "-C",
        join(work, `${runtime}-library`),
        "library",
      ]);
      await client.send(
        new CreateFunctionCommand({
          FunctionName: `${runtime}-fat`,
          Runtime: runtime,
          Role: role,
          Handler: "demo.Streaming::handleRequest",
          MemorySize: 512,
          Timeout: 30,
          Code: { ZipFile: readFileSync(jar) },
        }),
      );
      await active(client, `${runtime}-fat`);
      assert.equal(await answerOf(client, `${runtime}-fat`, "quiet"), "QUIET");
    });

    test("a handler that is not there, and one that cannot be made, fail as on Lambda", async () => {
      await create("absent", "demo.Nowhere::handle", classes);
      const absent = await invoke(client, `${runtime}-absent`);
      assert.equal(absent.payload.errorType, "java.lang.ClassNotFoundException");
      assert.match(absent.payload.errorMessage, /Class not found: demo\.Nowhere/);
      await create("failing", "demo.Failing::handle", classes);
      const failing = await invoke(client, `${runtime}-failing`);
      assert.match(failing.payload.errorType, /ExceptionInInitializerError|NumberFormatException/);
    });
    const seedFile = join(work, `${runtime}-seed`);
    const template = (variables: Record<string, string>) => {
      const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "java", "bootstrap");
      const command = [bootstrap, join(jdk.home, "bin", "java"), String(jdk.major), clientDirectory(jdk, shelf())];
      return startOverHttp(command, classes, { _HANDLER: "demo.Seeded::handle", SEED_FILE: seedFile, ...variables });
    };

    /** It says what its init drew, and then waits to be copied. */
    const parkedOf = async (runtimeOf: RuntimeOverHttp, drew: boolean) => {
      const said = await runtimeOf.asked();
      assert.deepEqual([said.what, said.body], ["POST /restore/drew", String(drew)], runtimeOf.output());
      said.answer(202);
      const parked = await runtimeOf.asked();
      assert.equal(parked.what, "GET /restore/next", runtimeOf.output() + parked.body);
      return parked;
    };

    test("a process that will be copied runs its hooks around restore/next, and its generators go on from new seeds", async (t) => {
      const seeded = await template({ _THAW_TEMPLATE: "1", AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand" });
      t.after(() => seeded.stop());
      const parked = await parkedOf(seeded, false);
      writeFileSync(seedFile, "");
      while (existsSync(seedFile)) await new Promise((again) => setTimeout(again, 10));
      parked.answer(200);
      const { what, body } = await seeded.invoke({});
      assert.equal(what, "POST /invocation/request-1/response", body);
      const { drbg, ...seen } = JSON.parse(body);
      const expected = { hooks: ["before", "after"], math: false, thread: false, template: "null", type: "snap-start" };
      // What was rehearsed before has called nothing of the function's, and asked nothing of its Runtime API.
      assert.deepEqual(seen, { ...expected, calls: 1 });
      assert.match(drbg, /pr_and_reseed/);
    });

    test("a process that will be copied has loaded the classes that its handler names, and initialised none of them", async (t) => {
      const linked = await template({ _THAW_TEMPLATE: "1", _HANDLER: "demo.Linked::handle" });
      t.after(() => linked.stop());
      const parked = await parkedOf(linked, false);
      parked.answer(200);
      const { body } = await linked.invoke({ a: 1 });
      const archive = existsSync(join(clientDirectory(jdk, shelf()), archiveName(jdk) ?? "none"));
      assert.deepEqual(JSON.parse(body), { archive, loaded: true, initialised: false, text: "1 later!true" });
    });

    test("with SnapStart, but started plainly, it runs its hooks and rehearses nothing", async (t) => {
      const plain = await template({ AWS_LAMBDA_INITIALIZATION_TYPE: "snap-start" });
      t.after(() => plain.stop());
      const parked = await plain.asked();
      assert.equal(parked.what, "GET /restore/next", plain.output() + parked.body);
      writeFileSync(seedFile, "");
      while (existsSync(seedFile)) await new Promise((again) => setTimeout(again, 10));
      parked.answer(200);
      assert.deepEqual(JSON.parse((await plain.invoke({})).body).hooks, ["before", "after"]);
    });

    test("a process without a function loads the one that it is told, and has that one's variables and no others", async (t) => {
      const bare = await template({ _THAW_TEMPLATE: "1", _THAW_BARE: "1", _HANDLER: "", OF_THE_BOOT: "1" });
      t.after(() => bare.stop());
      const env = {
        // of the JDK: outside of a sandbox there is no code in /var/task, where the client looks
        _HANDLER: "java.lang.System::getenv",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
        AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
        OF_THE_FUNCTION: "é",
      };
      (await parkedOf(bare, false)).answer(200, {}, JSON.stringify({ env, load: true }));
      assert.equal((await bare.invoke("OF_THE_FUNCTION")).body, '"é"', bare.output());
      for (const name of ["OF_THE_BOOT", "_THAW_BARE"]) assert.equal((await bare.invoke(name)).body, "null");
    });

    test("a hook that fails is told to the Runtime API, and ends the process", async (t) => {
      const before = await template({ _THAW_TEMPLATE: "1", FAIL_BEFORE: "1" });
      t.after(() => before.stop());
      const failed = await before.asked();
      assert.equal(failed.what, "POST /init/error");
      failed.answer(202);
      assert.notEqual(await before.exited(), 0);
      const after = await template({ _THAW_TEMPLATE: "1", FAIL_AFTER: "1" });
      t.after(() => after.stop());
      (await parkedOf(after, false)).answer(200);
      const restored = await after.asked();
      assert.equal(restored.what, "POST /restore/error");
      restored.answer(202);
      assert.notEqual(await after.exited(), 0);
    });
  });
}

/** The fixture's classes at the root, its library as a jar in lib/: a package as Maven's and Gradle's zip tasks make it. */
async function compiled(jdk: Jdk, tool: (name: string, args: readonly string[]) => Buffer): Promise<string> {
  const runtime = names[jdk.major]!;
  const [target, library] = [join(work, runtime), join(work, `${runtime}-library`)];
  mkdirSync(join(target, "lib"), { recursive: true });
  tool("javac", ["-d", library, join(sources, "library", "Shout.java")]);
  tool("jar", ["--create", "--file", join(target, "lib", "shout.jar"), "-C", library, "."]);
  await bringClient(runtime);
  const path = `${join(clientDirectory(jdk, shelf()), "lib", "*")}:${library}`;
  const files = ["Hello", "Inside", "Streaming", "Failing", "Seeded", "Linked", "Meeting"].map((name) =>
    join(sources, "demo", `${name}.java`),
  );
  tool("javac", ["-d", target, "-cp", path, ...files]);
  return target;
}

/** Where the platform keeps AWS's client. */
function shelf(): string {
  return join(configOf({}).runtimesDir, "java");
}

/** A first function, of the JDK's own classes, brings AWS's client, whose interfaces the others are compiled against. */
async function bringClient(runtime: Runtime): Promise<void> {
  const options = { code: { "nothing.txt": "" }, Handler: "java.util.Map::copyOf", Runtime: runtime, MemorySize: 512 };
  await createFunction(client, `${runtime}-first`, options);
  assert.deepEqual(await answerOf(client, `${runtime}-first`, { a: 1 }), { a: 1 });
}
