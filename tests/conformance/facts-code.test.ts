import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import {
  GetAccountSettingsCommand,
  GetFunctionCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, zipOf } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";
import { create, update } from "./settings-facts.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";

const code: readonly Fact[] = [
  {
    fact: "code needs a source, and one that is a zip",
    source:
      "seen: Please provide a source for function code.; Could not unzip uploaded file. …; Uploaded file must be a non-empty zip",
    async holds({ client }) {
      await refused(create(client, { Code: {} }), invalid, "Please provide a source for function code.");
      await refused(
        create(client, { Code: { ZipFile: Buffer.from("none") } }),
        invalid,
        /^Could not unzip uploaded file/,
      );
      await refused(
        create(client, { Code: { ZipFile: Buffer.alloc(0) } }),
        invalid,
        "Uploaded file must be a non-empty zip",
      );
      const { name } = await functionOf(client);
      await refused(
        client.send(new UpdateFunctionCodeCommand({ FunctionName: name })),
        invalid,
        "Please provide a source for function code.",
      );
    },
  },
  {
    fact: "a zip of more than 50 MB is too large for a request",
    source: `${recorded}, oversized zipped create lambda`,
    async holds({ client }) {
      const ZipFile = Buffer.alloc(52_428_801);
      await refused(
        create(client, { Code: { ZipFile } }),
        "RequestEntityTooLargeException",
        "Zipped size must be smaller than 52428800 bytes",
      );
    },
  },
  ...(
    [
      ["CreateFunction", "POST", "/2015-03-31/functions", 70_167_211],
      ["UpdateFunctionCode", "PUT", "/2015-03-31/functions/any/code", 69_905_067],
    ] as const
  ).map(
    ([operation, method, path, limit]): Fact => ({
      fact: `a request of more than ${limit} bytes is not read by ${operation}`,
      source: `${recorded}, oversized request create lambda; seen: Request must be smaller than 69905067 bytes for the UpdateFunctionCode operation`,
      async holds({ door }) {
        const sent = request({ port: door.port, method, path, headers: { "content-length": limit + 1 } });
        sent.flushHeaders();
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        const body = JSON.parse(Buffer.concat(await answer.toArray()).toString());
        assert.equal(answer.statusCode, 413);
        assert.equal(answer.headers["x-amzn-errortype"], "RequestEntityTooLargeException");
        assert.equal(body.message, `Request must be smaller than ${limit} bytes for the ${operation} operation`);
        sent.destroy();
      },
    }),
  ),
  {
    fact: "new code changes its hash and size, the moment and the revision, and what else was set stays",
    source: `${recorded}, function lifecycle`,
    async holds({ client }) {
      const { name } = await functionOf(client, { Description: "kept", Timeout: 9 });
      const before = await settled(client, name);
      const updated = await client.send(
        new UpdateFunctionCodeCommand({
          FunctionName: name,
          ZipFile: await zipOf({ bootstrap: "#!/bin/sh\n# other\n" }),
        }),
      );
      assert.equal(updated.LastUpdateStatus, "InProgress");
      assert.equal(updated.LastUpdateStatusReason, "The function is being created.");
      assert.equal(updated.LastUpdateStatusReasonCode, "Creating");
      assert.equal(updated.State, "Active");
      assert.notEqual(updated.CodeSha256, before.CodeSha256);
      assert.deepEqual([updated.Description, updated.Timeout], ["kept", 9]);
    },
  },
  {
    fact: "an architecture is changed together with code, and not with configuration",
    source: "api: UpdateFunctionCode, Architectures",
    async holds({ client, raw }) {
      const { name } = await functionOf(client);
      const updated = await client.send(
        new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: bootstrap, Architectures: ["arm64"] }),
      );
      assert.deepEqual(updated.Architectures, ["arm64"]);
      await settled(client, name);
      const { body } = await raw("PUT", `/2015-03-31/functions/${name}/configuration`, { Architectures: ["x86_64"] });
      assert.deepEqual(body.Architectures, ["arm64"]);
    },
  },
  {
    fact: "GetFunction says where the code is, and has tags and concurrency only where there are some",
    source: `${recorded}, function lifecycle; tag lifecycle`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const seen = await client.send(new GetFunctionCommand({ FunctionName: name }));
      assert.equal(seen.Code?.RepositoryType, "S3");
      assert.match(seen.Code?.Location ?? "", /^http/);
      assert.equal(seen.Tags, undefined);
      assert.equal(seen.Concurrency, undefined);
      assert.equal(seen.Configuration?.FunctionArn, arnOf(name));
    },
  },
];

const account: readonly Fact[] = [
  {
    fact: "75 GB of an account's code in a region are all, for functions, versions and layers",
    source: "guide: Lambda quotas; model: CodeStorageExceededException",
    async holds({ client, clientOf, door }) {
      const stranger = clientOf("999999999999");
      const scope = { account: "999999999999", region: "us-east-1" };
      const small = await functionOf(stranger);
      const { settings } = door.registry.functions.get(scope, small.name).latest;
      // As much as is left, less the small one's own: nobody uploads that.
      const size = 80_530_636_800 - bootstrap.length;
      const code = { digest: "0".repeat(64), size };
      const huge = newName();
      door.registry.functions.create(scope, huge, { settings, code, layers: [], tags: {} });
      const text = "Code storage limit exceeded.";
      await refused(create(stranger, {}), "CodeStorageExceededException", text);
      const layer = new PublishLayerVersionCommand({ LayerName: "l", Content: { ZipFile: bootstrap } });
      await refused(stranger.send(layer), "CodeStorageExceededException", text);
      const version = new PublishVersionCommand({ FunctionName: small.name });
      await refused(stranger.send(version), "CodeStorageExceededException", text);
      const { AccountUsage } = await stranger.send(new GetAccountSettingsCommand());
      assert.equal(AccountUsage?.TotalCodeSize, 80_530_636_800);
      // Code of the same size in its place is no more, and other accounts have their own.
      await stranger.send(new UpdateFunctionCodeCommand({ FunctionName: small.name, ZipFile: bootstrap }));
      await create(client, {});
      door.registry.functions.remove(scope, huge);
    },
  },
  {
    fact: "an account has 75 GB, 250 MB, 50 MB and 1,000 executions at once",
    source: "guide: Lambda quotas; api: AccountLimit",
    async holds({ client }) {
      const { AccountLimit } = await client.send(new GetAccountSettingsCommand());
      assert.deepEqual(AccountLimit, {
        TotalCodeSize: 80_530_636_800,
        CodeSizeUnzipped: 262_144_000,
        CodeSizeZipped: 52_428_800,
        ConcurrentExecutions: 1000,
        UnreservedConcurrentExecutions: 1000,
      });
    },
  },
  {
    fact: "what an account uses grows with functions, versions and versions of layers, not with configurations",
    source: `${recorded}, account settings total code size; … config update`,
    async holds({ clientOf }) {
      const client = clientOf("888888888888");
      const usage = async () => (await client.send(new GetAccountSettingsCommand())).AccountUsage!;
      assert.deepEqual(await usage(), { TotalCodeSize: 0, FunctionCount: 0 });
      const { name } = await functionOf(client);
      assert.deepEqual(await usage(), { TotalCodeSize: bootstrap.length, FunctionCount: 1 });
      await update(client, name, { Timeout: 5 });
      assert.equal((await usage()).TotalCodeSize, bootstrap.length);
      await client.send(new PublishVersionCommand({ FunctionName: name }));
      assert.equal((await usage()).TotalCodeSize, 2 * bootstrap.length);
      const layer = await zipOf({ "a.txt": "a" });
      for (const count of [1, 2]) {
        await client.send(new PublishLayerVersionCommand({ LayerName: "l", Content: { ZipFile: layer } }));
        assert.equal((await usage()).TotalCodeSize, 2 * bootstrap.length + count * layer.length);
      }
    },
  },
];

testFacts([...code, ...account]);
