import assert from "node:assert/strict";
import {
  CreateFunctionUrlConfigCommand,
  DeleteFunctionCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  ListFunctionUrlConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf } from "./facts-functions.ts";

const notFound = "ResourceNotFoundException";

const urls: readonly Fact[] = [
  {
    fact: "a function URL has an id of 32 lower-case letters and digits, and keeps it",
    source:
      "guide: Creating and managing Lambda function URLs; seen: https://ckycrb5ojxgjfepz7mg3cmfki40nlqbk.lambda-url.us-east-1.on.aws/",
    async holds({ client, door }) {
      const { name } = await functionOf(client);
      const made = await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      assert.equal(made.$metadata.httpStatusCode, 201);
      assert.match(
        made.FunctionUrl!,
        new RegExp(`^http://[a-z0-9]{32}\\.lambda-url\\.us-east-1\\.localhost:${door.port}/$`),
      );
      const updated = await client.send(
        new UpdateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "AWS_IAM" }),
      );
      assert.equal(updated.FunctionUrl, made.FunctionUrl);
      assert.equal(updated.AuthType, "AWS_IAM");
      assert.equal(updated.CreationTime, made.CreationTime);
    },
  },
  {
    fact: "a new URL is described without LastModifiedTime, with microseconds, buffered unless it says otherwise",
    source: 'model: CreateFunctionUrlConfigResponse; seen: "CreationTime": "2023-06-08T13:20:18.244654Z"',
    async holds({ client }) {
      const { name } = await functionOf(client);
      const made = await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      assert.match(made.CreationTime!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      assert.equal(made.InvokeMode, "BUFFERED");
      assert.equal(made.Cors, undefined);
      assert.ok(!("LastModifiedTime" in made));
      assert.equal(made.FunctionArn, arnOf(name));
    },
  },
  {
    fact: "a function has one URL",
    source: "seen: localstack tests against AWS, url config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const create = () => client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      await create();
      await refused(
        create(),
        "ResourceConflictException",
        `Failed to create function url config for [functionArn = ${arnOf(name)}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
      );
    },
  },
  {
    fact: "aliases may have a URL, each its own; versions and $LATEST by name may not",
    source: "guide: Creating and managing Lambda function URLs; model: FunctionUrlQualifier",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const create = (Qualifier: string) =>
        client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, Qualifier, AuthType: "NONE" }));
      assert.equal((await create("live")).FunctionArn, `${arnOf(name)}:live`);
      await refused(
        create("1"),
        "ValidationException",
        "1 validation error detected: Value '1' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)",
      );
      await refused(create("$LATEST"), "ValidationException");
      await refused(create("none"), notFound, "Function does not exist");
      await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      const list = await client.send(new ListFunctionUrlConfigsCommand({ FunctionName: name }));
      assert.equal(new Set(list.FunctionUrlConfigs?.map((one) => one.FunctionUrl)).size, 2);
    },
  },
  {
    fact: "what does not exist is told apart by create and list, not by get and delete",
    source: "seen: localstack tests against AWS, url config exceptions",
    async holds({ client }) {
      const given = { FunctionName: "nobody" };
      const one = "Function does not exist";
      const other = "The resource you requested does not exist.";
      await refused(client.send(new CreateFunctionUrlConfigCommand({ ...given, AuthType: "NONE" })), notFound, one);
      await refused(client.send(new UpdateFunctionUrlConfigCommand({ ...given, AuthType: "NONE" })), notFound, one);
      await refused(client.send(new ListFunctionUrlConfigsCommand(given)), notFound, one);
      await refused(client.send(new GetFunctionUrlConfigCommand(given)), notFound, other);
      await refused(client.send(new DeleteFunctionUrlConfigCommand(given)), notFound, other);
      const { name } = await functionOf(client);
      await refused(client.send(new GetFunctionUrlConfigCommand({ FunctionName: name })), notFound, other);
    },
  },
  {
    fact: "CORS settings come back as they were given, are replaced as a whole, and taken away by an empty object",
    source: "api: Cors, UpdateFunctionUrlConfig",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const Cors = {
        AllowCredentials: true,
        AllowHeaders: ["date", "keep-alive"],
        AllowMethods: ["GET", "DELETE"],
        AllowOrigins: ["https://www.example.com"],
        ExposeHeaders: ["date"],
        MaxAge: 86_400,
      };
      const made = await client.send(
        new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE", Cors }),
      );
      assert.deepEqual(made.Cors, Cors);
      const update = (more: object) => client.send(new UpdateFunctionUrlConfigCommand({ FunctionName: name, ...more }));
      assert.deepEqual((await update({ InvokeMode: "RESPONSE_STREAM" })).Cors, Cors);
      assert.deepEqual((await update({ Cors: { MaxAge: 5 } })).Cors, { MaxAge: 5 });
      assert.equal((await update({ Cors: {} })).Cors, undefined);
    },
  },
  {
    fact: "CORS: 86,400 seconds, 6 methods of 6 letters, 100 origins of 253",
    source: "model: Cors",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const create = (Cors: object) =>
        client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE", Cors }));
      const broken = [
        { MaxAge: 86_401 },
        { AllowMethods: ["OPTIONS"] },
        { AllowMethods: ["GET", "PUT", "POST", "HEAD", "PATCH", "DELETE", "*"] },
        { AllowOrigins: Array.from({ length: 101 }, (_, index) => `https://${index}`) },
        { AllowOrigins: ["x".repeat(254)] },
        { AllowHeaders: Array.from({ length: 101 }, () => "a") },
      ];
      for (const cors of broken) await refused(create(cors), "ValidationException", /at 'cors\./);
    },
  },
  {
    fact: "AuthType is required and one of two",
    source: "model: FunctionUrlAuthType",
    async holds({ client, raw }) {
      const { name } = await functionOf(client);
      const path = `/2021-10-31/functions/${name}/url`;
      assert.match((await raw("POST", path, {})).body.message, /Value null at 'authType'/);
      assert.match(
        (await raw("POST", path, { AuthType: "OPEN" })).body.message,
        /Member must satisfy enum value set: \[NONE, AWS_IAM\]/,
      );
    },
  },
  {
    fact: "an invoke mode is one of two",
    source: "seen: localstack provider, invoke mode",
    async holds({ client, raw }) {
      const { name } = await functionOf(client);
      const { body } = await raw("POST", `/2021-10-31/functions/${name}/url`, { AuthType: "NONE", InvokeMode: "SLOW" });
      assert.equal(
        body.message,
        "1 validation error detected: Value 'SLOW' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
      );
    },
  },
  {
    fact: "a URL that was deleted is not given again",
    source: "guide: Deleting a function URL (if you create another, it has a different URL)",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const create = () => client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      const first = await create();
      const gone = await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName: name }));
      assert.equal(gone.$metadata.httpStatusCode, 204);
      assert.notEqual((await create()).FunctionUrl, first.FunctionUrl);
    },
  },
  {
    fact: "a deleted function takes URL, event invoke and recursion configurations with it",
    source: "guess",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: "NONE" }));
      await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, MaximumRetryAttempts: 0 }));
      await client.send(new PutFunctionRecursionConfigCommand({ FunctionName: name, RecursiveLoop: "Allow" }));
      await client.send(new DeleteFunctionCommand({ FunctionName: name }));
      await functionOf(client, { FunctionName: name });
      await refused(client.send(new GetFunctionUrlConfigCommand({ FunctionName: name })), notFound);
      await refused(client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: name })), notFound);
      const recursion = await client.send(new GetFunctionRecursionConfigCommand({ FunctionName: name }));
      assert.equal(recursion.RecursiveLoop, "Terminate");
    },
  },
];

testFacts([...urls]);
