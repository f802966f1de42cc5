import assert from "node:assert/strict";
import {
  GetFunctionRecursionConfigCommand,
  GetRuntimeManagementConfigCommand,
  PublishVersionCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, settled } from "./facts-functions.ts";

const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";

const others: readonly Fact[] = [
  {
    fact: "runtimes are updated automatically unless something else is said",
    source: "api: GetRuntimeManagementConfig; guide: Runtime update modes",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const { $metadata: _, ...seen } = await client.send(
        new GetRuntimeManagementConfigCommand({ FunctionName: name }),
      );
      assert.deepEqual(seen, { UpdateRuntimeOn: "Auto", FunctionArn: arnOf(name) });
    },
  },
  {
    fact: "the mode belongs to one version",
    source: "api: PutRuntimeManagementConfig, Qualifier",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await client.send(new PublishVersionCommand({ FunctionName: name }));
      const put = await client.send(
        new PutRuntimeManagementConfigCommand({
          FunctionName: name,
          Qualifier: "1",
          UpdateRuntimeOn: "FunctionUpdate",
        }),
      );
      assert.equal(put.FunctionArn, `${arnOf(name)}:1`);
      const latest = await client.send(new GetRuntimeManagementConfigCommand({ FunctionName: name }));
      assert.equal(latest.UpdateRuntimeOn, "Auto");
      const first = await client.send(new GetRuntimeManagementConfigCommand({ FunctionName: `${name}:1` }));
      assert.equal(first.UpdateRuntimeOn, "FunctionUpdate");
    },
  },
  {
    fact: "Manual needs the ARN of a runtime version, the other modes refuse one",
    source:
      "api: PutRuntimeManagementConfig, RuntimeVersionArn (required if you use the Manual mode); texts are a guess",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const { RuntimeVersionConfig } = await settled(client, name);
      const RuntimeVersionArn = RuntimeVersionConfig!.RuntimeVersionArn!;
      const put = (UpdateRuntimeOn: "Auto" | "Manual" | "FunctionUpdate", more: object = {}) =>
        client.send(new PutRuntimeManagementConfigCommand({ FunctionName: name, UpdateRuntimeOn, ...more }));
      await refused(put("Manual"), invalid);
      await refused(put("Auto", { RuntimeVersionArn }), invalid);
      await refused(put("FunctionUpdate", { RuntimeVersionArn }), invalid);
      const made = await put("Manual", { RuntimeVersionArn });
      assert.equal(made.RuntimeVersionArn, RuntimeVersionArn);
    },
  },
  {
    fact: "recursive loops end unless the function allows them",
    source: "api: GetFunctionRecursionConfig (by default, Lambda sets your function's configuration to Terminate)",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const get = () => client.send(new GetFunctionRecursionConfigCommand({ FunctionName: name }));
      assert.equal((await get()).RecursiveLoop, "Terminate");
      const put = await client.send(
        new PutFunctionRecursionConfigCommand({ FunctionName: name, RecursiveLoop: "Allow" }),
      );
      assert.equal(put.RecursiveLoop, "Allow");
      assert.equal((await get()).RecursiveLoop, "Allow");
    },
  },
  {
    fact: "the recursion configuration is the whole function's",
    source: "model: UnqualifiedFunctionName",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        client.send(new GetFunctionRecursionConfigCommand({ FunctionName: `${name}:1` })),
        "ValidationException",
        /at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern/,
      );
      await refused(
        client.send(new PutFunctionRecursionConfigCommand({ FunctionName: "nobody", RecursiveLoop: "Allow" })),
        notFound,
        `Function not found: ${arnOf("nobody")}`,
      );
    },
  },
];

testFacts([...others]);
