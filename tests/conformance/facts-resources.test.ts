import assert from "node:assert/strict";
import {
  CreateFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetFunctionConcurrencyCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionRecursionConfigCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, echo, type Run, role } from "./door.ts";
import { type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";

const reserve = (client: LambdaClient, FunctionName: string, ReservedConcurrentExecutions: number) =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));

/** The trace that each function was handed, by its event's name. */
const handed = new Map<string, string>();
const run: Run = (invocation) => {
  handed.set(JSON.parse(invocation.payload.toString()).name, invocation.traceId ?? "");
  return echo(invocation);
};
const call = async (client: LambdaClient, FunctionName: string, trace?: string) => {
  const name = newName();
  const command = new InvokeCommand({ FunctionName, Payload: JSON.stringify({ name }) });
  if (trace !== undefined) {
    command.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers["x-amzn-trace-id"] = trace;
        return next(args);
      },
      { step: "build" },
    );
  }
  await client.send(command);
  return handed.get(name) ?? "";
};

const concurrency: readonly Fact[] = [
  {
    fact: "concurrency is reserved, shown and given back",
    source: `${recorded}, function concurrency`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      for (const count of [0, 1]) {
        assert.equal((await reserve(client, name, count)).ReservedConcurrentExecutions, count);
      }
      const get = () => client.send(new GetFunctionConcurrencyCommand({ FunctionName: name }));
      assert.equal((await get()).ReservedConcurrentExecutions, 1);
      const deleted = await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: name }));
      assert.equal(deleted.$metadata.httpStatusCode, 204);
      assert.equal((await get()).ReservedConcurrentExecutions, undefined);
    },
  },
  {
    fact: "a hundred executions stay for the functions that have none reserved",
    source: `${recorded}, function concurrency limits`,
    async holds({ clientOf }) {
      const client = clientOf("131313131313");
      const one = await functionOf(client);
      const two = await functionOf(client);
      const text =
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
      await refused(reserve(client, one.name, 901), invalid, text);
      await reserve(client, one.name, 900);
      await refused(reserve(client, two.name, 1), invalid, text);
      await reserve(client, one.name, 899);
      await reserve(client, two.name, 1);
    },
  },
  {
    fact: "a reservation is no number below 0",
    source: "model: ReservedConcurrentExecutions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        reserve(client, name, -1),
        "ValidationException",
        "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0",
      );
    },
  },
];

const recursion: readonly Fact[] = [
  {
    fact: "a function is handed a trace that says how its chain of requests began",
    source: "seen: Root=1-679509d4-…;Parent=53a4b57d53b59978;Sampled=0;Lineage=1:36680206:0",
    async holds({ client }) {
      const { name } = await functionOf(client);
      assert.match(
        await call(client, name),
        /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$/,
      );
    },
  },
  {
    fact: "16 invocations of a function in one chain are fine, and the next is refused with 400",
    source: "guide: Use Lambda recursive loop detection to prevent infinite loops; model: RecursiveInvocationException",
    async holds({ client }) {
      const { name } = await functionOf(client);
      let trace = await call(client, name);
      for (let times = 2; times <= 16; times += 1) trace = await call(client, name, trace);
      await refused(
        call(client, name, trace),
        "RecursiveInvocationException",
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
      );
      // Who began anew is in no loop.
      await call(client, name);
    },
  },
  {
    fact: "a function that allows it may be invoked in a loop",
    source: "api: PutFunctionRecursionConfig",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await client.send(new PutFunctionRecursionConfigCommand({ FunctionName: name, RecursiveLoop: "Allow" }));
      let trace: string | undefined;
      for (let times = 1; times <= 20; times += 1) trace = await call(client, name, trace);
      assert.match(trace!, /:19$/);
    },
  },
  {
    fact: "the function's versions and aliases are one function in a loop",
    source: "guess",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const published = await client.send(
        new CreateFunctionCommand({
          FunctionName: newName(),
          Role: role,
          Runtime: "provided.al2023",
          Handler: "any",
          Code: { ZipFile: bootstrap },
          Publish: true,
        }),
      );
      const trace = await call(client, published.FunctionName!);
      assert.match(await call(client, `${published.FunctionName}:1`, trace), /Lineage=2:[0-9a-f]{8}:1$/);
      assert.match(await call(client, name, trace), /Lineage=2:[0-9a-f]{8}:0$/);
    },
  },
];

testFacts([...concurrency, ...recursion], run);
