import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateStreamCommand, KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { until } from "../e2e/streams.ts";
import { root, thaw } from "./thaw.ts";

test("a service that nothing can be started for is a wrong command line", async () => {
  const { code, stderr } = await thaw(["up", "--with", "kinesis,nonsense"]);
  assert.equal(code, 2);
  assert.match(stderr, /--with nonsense[\s\S]*choose from kinesis, dynamodb/);
});

test("a server of the package is started, stands behind the platform, and ends with it, however that ends", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-with-"));
  // The package of the tests, as if it had been fetched.
  const modules = join(dataDir, "with", "kinesis-local-0.6.2", "node_modules");
  mkdirSync(modules, { recursive: true });
  symlinkSync(join(root, "node_modules", "kinesis-local"), join(modules, "kinesis-local"));
  const child = spawn(join(root, "bin/thaw"), ["up", "--port", "0", "--data", dataDir, "--with", "kinesis"]);
  let said = "";
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const endpoint = /listens at (http:\S+)/.exec(said)?.[1];
      if (endpoint !== undefined) listening.resolve(endpoint);
    });
  }
  child.once("exit", () => listening.reject(new Error(said)));
  let url = "";
  try {
    const kinesis = new KinesisClient({
      endpoint: await listening.promise,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      requestHandler: new NodeHttpHandler(),
    });
    url = /kinesis-local 0\.6\.2 answers at (http:\S+);/.exec(said)![1]!;
    await kinesis.send(new CreateStreamCommand({ StreamName: "s", ShardCount: 1 }));
    assert.deepEqual((await kinesis.send(new ListStreamsCommand({}))).StreamNames, ["s"]);
    kinesis.destroy();
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  const isThere = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  await until(async () => !(await isThere()));
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 });
});
