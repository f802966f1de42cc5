import assert from "node:assert/strict";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetAliasCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  GetPolicyCommand,
  GetRuntimeManagementConfigCommand,
  InvokeCommand,
  type LambdaClient,
  ListAliasesCommand,
  ListFunctionUrlConfigsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, role } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf, newName, settled } from "./facts-functions.ts";

const notFound = "ResourceNotFoundException";
const recorded = "seen: localstack tests against AWS, test_lambda_api";
const mismatch = "The derived qualifier from the function name does not match the specified qualifier.";

type Ask = (client: LambdaClient, FunctionName: string, Qualifier?: string) => Promise<unknown>;

/** Operations that read something of a function, version or alias. */
const qualified: Readonly<Record<string, Ask>> = {
  GetFunction: (client, FunctionName, Qualifier) => client.send(new GetFunctionCommand({ FunctionName, Qualifier })),
  GetFunctionConfiguration: (client, FunctionName, Qualifier) =>
    client.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier })),
  Invoke: (client, FunctionName, Qualifier) => client.send(new InvokeCommand({ FunctionName, Qualifier })),
  GetRuntimeManagementConfig: (client, FunctionName, Qualifier) =>
    client.send(new GetRuntimeManagementConfigCommand({ FunctionName, Qualifier })),
};

/** Operations on a function as a whole. */
const whole: Readonly<Record<string, Ask>> = {
  GetFunctionConcurrency: (client, FunctionName) => client.send(new GetFunctionConcurrencyCommand({ FunctionName })),
  GetFunctionCodeSigningConfig: (client, FunctionName) =>
    client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName })),
  GetFunctionRecursionConfig: (client, FunctionName) =>
    client.send(new GetFunctionRecursionConfigCommand({ FunctionName })),
  ListAliases: (client, FunctionName) => client.send(new ListAliasesCommand({ FunctionName })),
  ListVersionsByFunction: (client, FunctionName) => client.send(new ListVersionsByFunctionCommand({ FunctionName })),
  PublishVersion: (client, FunctionName) => client.send(new PublishVersionCommand({ FunctionName })),
  UpdateFunctionConfiguration: (client, FunctionName) =>
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: "x" })),
  UpdateFunctionCode: (client, FunctionName) =>
    client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: bootstrap, DryRun: true })),
  DeleteFunction: (client, FunctionName) => client.send(new DeleteFunctionCommand({ FunctionName })),
};

const forms: Readonly<Record<string, (name: string) => string>> = {
  "its name": (name) => name,
  "function:name": (name) => `function:${name}`,
  "its partial ARN": (name) => `000000000000:function:${name}`,
  "its ARN": arnOf,
};

const names: readonly Fact[] = [
  ...Object.entries({ ...qualified, ...whole })
    .filter(([operation]) => operation !== "DeleteFunction")
    .map(
      ([operation, ask]): Fact => ({
        fact: `${operation} finds a function by ${Object.keys(forms).join(", ")}`,
        source: "api: FunctionName, name formats",
        async holds({ client }) {
          const { name } = await functionOf(client);
          for (const form of Object.values(forms)) {
            await ask(client, form(name));
            await settled(client, name);
          }
        },
      }),
    ),
  ...Object.entries(qualified).map(
    ([operation, ask]): Fact => ({
      fact: `${operation} takes a version or an alias within the name, in each form, or beside it`,
      source: "api: FunctionName, Qualifier",
      async holds({ client }) {
        const { name } = await aliasedFunction(client);
        for (const form of Object.values(forms)) {
          for (const qualifier of ["1", "live", "$LATEST"]) {
            await ask(client, `${form(name)}:${qualifier}`);
            await ask(client, form(name), qualifier);
            await ask(client, `${form(name)}:${qualifier}`, qualifier);
          }
        }
      },
    }),
  ),
  ...Object.entries(qualified).map(
    ([operation, ask]): Fact => ({
      fact: `${operation} refuses a qualifier that contradicts the name`,
      source: `${recorded}, ops with arn qualifier mismatch`,
      async holds({ client }) {
        const { name } = await aliasedFunction(client);
        for (const form of Object.values(forms)) {
          await refused(ask(client, `${form(name)}:1`, "live"), "InvalidParameterValueException", mismatch);
        }
      },
    }),
  ),
  ...Object.entries({ ...qualified, ...whole }).map(
    ([operation, ask]): Fact => ({
      fact: `${operation} does not know a function that does not exist, and names it by its ARN`,
      source: `${recorded}, ops on nonexisting function`,
      async holds({ client }) {
        await refused(ask(client, "nobody"), notFound, `Function not found: ${arnOf("nobody")}`);
      },
    }),
  ),
  ...Object.entries({ ...qualified, ...whole }).map(
    ([operation, ask]): Fact => ({
      fact: `${operation} does not reach another region`,
      source: `${recorded}, get function wrong region`,
      async holds({ client }) {
        const { name } = await functionOf(client);
        const text = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')";
        await refused(ask(client, arnOf(name).replace("us-east-1", "eu-west-1")), notFound, text);
      },
    }),
  ),
  ...["GetFunction", "GetFunctionConfiguration"].map(
    (operation): Fact => ({
      fact: `${operation} names a version, an alias or $LATEST that does not exist`,
      source: `${recorded}, ops on nonexisting version; get function alias not found`,
      async holds({ client }) {
        const ask = qualified[operation]!;
        const { name } = await functionOf(client);
        for (const qualifier of ["1221", "nope"]) {
          const text = `Function not found: ${arnOf(name)}:${qualifier}`;
          await refused(ask(client, name, qualifier), notFound, text);
          await refused(ask(client, `${arnOf(name)}:${qualifier}`), notFound, text);
        }
        await refused(ask(client, "nobody", "$LATEST"), notFound, `Function not found: ${arnOf("nobody")}:$LATEST`);
      },
    }),
  ),
  ...["GetFunctionConcurrency", "ListAliases", "PublishVersion", "UpdateFunctionConfiguration"].map(
    (operation): Fact => ({
      fact: `${operation} is about whole functions`,
      source: `${recorded}, put function concurrency with qualified arn`,
      async holds({ client }) {
        const { name } = await aliasedFunction(client);
        await refused(
          whole[operation]!(client, `${arnOf(name)}:1`),
          "InvalidParameterValueException",
          "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        );
      },
    }),
  ),
  {
    fact: "PutFunctionConcurrency names $LATEST of a function that does not exist",
    source: `${recorded}, function concurrency exceptions`,
    async holds({ client }) {
      await refused(
        client.send(new PutFunctionConcurrencyCommand({ FunctionName: "nobody", ReservedConcurrentExecutions: 1 })),
        notFound,
        `Function not found: ${arnOf("nobody")}:$LATEST`,
      );
    },
  },
  {
    fact: "an alias that does not exist is no alias, whatever asks for it",
    source: `${recorded}, alias does not exist`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const text = `Cannot find alias arn: ${arnOf(name)}:nope`;
      await refused(client.send(new GetAliasCommand({ FunctionName: name, Name: "nope" })), notFound, text);
      await refused(client.send(new UpdateAliasCommand({ FunctionName: name, Name: "nope" })), notFound, text);
    },
  },
  {
    fact: "an invocation tells an alias that does not exist from a version",
    source: "seen: localstack's invocation of unknown aliases and versions; floci-io/floci#2821",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const invoke = (Qualifier: string, FunctionName = name) =>
        client.send(new InvokeCommand({ FunctionName, Qualifier }));
      await refused(invoke("nope"), notFound, `Cannot find alias arn: ${arnOf(name)}:nope`);
      await refused(invoke("99"), notFound, `Function not found: ${arnOf(name)}:99`);
      await refused(invoke("nope", "nobody"), notFound, `Function not found: ${arnOf("nobody")}:nope`);
    },
  },
  {
    fact: "an alias of a function that does not exist is refused with the version it would have had",
    source: `${recorded}, not found and invalid routing configs`,
    async holds({ client }) {
      await refused(
        client.send(new CreateAliasCommand({ FunctionName: "nobody", Name: "a", FunctionVersion: "1" })),
        notFound,
        `Function not found: ${arnOf("nobody")}:1`,
      );
    },
  },
  {
    fact: "URLs and event invoke configurations are as particular about regions",
    source: `${recorded}, get function wrong region`,
    async holds({ client }) {
      const FunctionName = arnOf("any").replace("us-east-1", "ap-southeast-1");
      const text = "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')";
      await refused(client.send(new GetFunctionUrlConfigCommand({ FunctionName })), notFound, text);
      await refused(client.send(new ListFunctionUrlConfigsCommand({ FunctionName })), notFound, text);
      await refused(client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName })), notFound, text);
      await refused(client.send(new GetPolicyCommand({ FunctionName })), notFound, text);
    },
  },
];

const create = (client: LambdaClient, FunctionName: string) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
    }),
  );

const creation: readonly Fact[] = [
  {
    fact: "a function may be created by its ARN and its partial ARN",
    source: `${recorded}, function arns`,
    async holds({ client }) {
      for (const form of Object.values(forms)) {
        const name = newName();
        const made = await create(client, form(name));
        assert.equal(made.FunctionArn, arnOf(name));
        assert.equal(made.FunctionName, name);
      }
    },
  },
  {
    fact: "a new name has 64 characters at most, under a code that is not the front end's",
    source: `${recorded}, function arns`,
    async holds({ client }) {
      const long = "a".repeat(65);
      const text = `1 validation error detected: Value '${long}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`;
      await refused(create(client, long), "InvalidParameterValueException", text);
      await refused(create(client, arnOf(long)), "InvalidParameterValueException", text);
      assert.equal((await create(client, "b".repeat(64))).FunctionName, "b".repeat(64));
    },
  },
  {
    fact: "an ARN has 140 characters at most",
    source: `${recorded}, function arns`,
    async holds({ client }) {
      const arn = arnOf("a".repeat(141));
      await refused(
        create(client, arn),
        "ValidationException",
        `1 validation error detected: Value '${arn}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 140`,
      );
    },
  },
  {
    fact: "what is neither a name nor an ARN breaks the pattern",
    source: `${recorded}, function arns; model: FunctionName`,
    async holds({ client }) {
      for (const name of ["invalid:function:name", "a.b", "a b", "a/b", "ä"]) {
        await refused(
          create(client, name),
          "ValidationException",
          /^1 validation error detected: Value '.*' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: \(arn:/,
        );
      }
    },
  },
  {
    fact: "what the front end refuses has a message and nothing else; what Lambda refuses says who is to blame",
    source: "seen: {\"message\":\"1 validation error detected: Value 'teste' at 'role' failed …\"}; model: Type",
    async holds({ raw }) {
      const broken = await raw("GET", "/2015-03-31/functions?MaxItems=0");
      assert.deepEqual(Object.keys(broken.body), ["message"]);
      const missing = await raw("GET", "/2015-03-31/functions/nobody");
      assert.deepEqual(missing.body, { Type: "User", Message: `Function not found: ${arnOf("nobody")}` });
      const unwanted = await raw("DELETE", "/2015-03-31/functions/nobody?Qualifier=%24LATEST");
      assert.deepEqual(Object.keys(unwanted.body).sort(), ["Type", "message"]);
    },
  },
  {
    fact: "functions are not created in another region or account",
    source: `${recorded}, function arns`,
    async holds({ client }) {
      await refused(
        create(client, arnOf(newName()).replace("us-east-1", "ap-southeast-1")),
        notFound,
        "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')",
      );
      await refused(create(client, arnOf(newName()).replace("000000000000", "999999999999")), "AccessDeniedException");
    },
  },
  {
    fact: "a name is taken once in an account and region, and may be taken in each",
    source: "seen: Function already exist: …",
    async holds({ client, clientOf }) {
      const name = newName();
      await create(client, name);
      await refused(create(client, name), "ResourceConflictException", `Function already exist: ${name}`);
      await create(clientOf("test", "eu-west-1"), name);
      await create(clientOf("555555555555"), name);
    },
  },
];

testFacts([...names, ...creation]);
