import assert from "node:assert/strict";
import {
  CreateAliasCommand,
  CreateFunctionUrlConfigCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  GetRuntimeManagementConfigCommand,
  ListFunctionEventInvokeConfigsCommand,
  ListFunctionUrlConfigsCommand,
  PublishVersionCommand,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
  UpdateFunctionEventInvokeConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf, settled } from "./facts-functions.ts";

const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";
const queue = "arn:aws:sqs:us-east-1:000000000000:failed";

const eventInvoke: readonly Fact[] = [
  {
    fact: "the ARN of a function's own event invoke configuration ends in $LATEST, and unset values are not shown",
    source: "seen: AWS CLI reference, put-function-event-invoke-config, output of the example",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const put = await client.send(
        new PutFunctionEventInvokeConfigCommand({ FunctionName: name, MaximumRetryAttempts: 0 }),
      );
      const { $metadata, LastModified, ...rest } = put;
      assert.equal($metadata.httpStatusCode, 200);
      assert.ok(LastModified instanceof Date && Math.abs(LastModified.getTime() - Date.now()) < 60_000);
      assert.deepEqual(rest, {
        FunctionArn: `${arnOf(name)}:$LATEST`,
        MaximumRetryAttempts: 0,
        DestinationConfig: { OnSuccess: {}, OnFailure: {} },
      });
    },
  },
  {
    fact: "a request that sets neither error handling nor a destination is refused",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const text = "You must specify at least one of error handling or destination setting.";
      await refused(client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name })), invalid, text);
      await refused(client.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName: name })), invalid, text);
    },
  },
  {
    fact: "put replaces what was there, update keeps what it does not name",
    source: "api: PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const put = (more: object) =>
        client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, ...more }));
      await put({ MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60 });
      const updated = await client.send(
        new UpdateFunctionEventInvokeConfigCommand({
          FunctionName: name,
          DestinationConfig: { OnFailure: { Destination: queue } },
        }),
      );
      assert.equal(updated.MaximumRetryAttempts, 1);
      assert.equal(updated.MaximumEventAgeInSeconds, 60);
      assert.deepEqual(updated.DestinationConfig, { OnSuccess: {}, OnFailure: { Destination: queue } });
      const replaced = await put({ MaximumEventAgeInSeconds: 61 });
      assert.equal(replaced.MaximumRetryAttempts, undefined);
      assert.deepEqual(replaced.DestinationConfig, { OnSuccess: {}, OnFailure: {} });
    },
  },
  {
    fact: "update, get and delete of what is not there name the qualified function",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const text = `The function ${arnOf(name)}:$LATEST doesn't have an EventInvokeConfig`;
      await refused(client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: name })), notFound, text);
      await refused(client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName: name })), notFound, text);
      await refused(
        client.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName: name, MaximumRetryAttempts: 0 })),
        notFound,
        text,
      );
    },
  },
  {
    fact: "put, update and list do not know a function, version or alias that does not exist",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const text = "The function doesn't exist.";
      for (const given of [
        { FunctionName: "nobody" },
        { FunctionName: name, Qualifier: "none" },
        { FunctionName: `${name}:7` },
      ]) {
        await refused(
          client.send(new PutFunctionEventInvokeConfigCommand({ ...given, MaximumRetryAttempts: 0 })),
          notFound,
          text,
        );
      }
      await refused(client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName: "nobody" })), notFound, text);
    },
  },
  {
    fact: "a function cannot be its own destination",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name, arn } = await functionOf(client);
      await refused(
        client.send(
          new PutFunctionEventInvokeConfigCommand({
            FunctionName: name,
            DestinationConfig: { OnSuccess: { Destination: arn } },
          }),
        ),
        invalid,
        "You can't specify the function as a destination for itself.",
      );
    },
  },
  {
    fact: "a destination function must exist",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        client.send(
          new PutFunctionEventInvokeConfigCommand({
            FunctionName: name,
            DestinationConfig: { OnFailure: { Destination: arnOf("nobody") } },
          }),
        ),
        invalid,
        `The destination ARN ${arnOf("nobody")} is invalid.`,
      );
    },
  },
  {
    fact: "a destination of another service is refused with both halves of the configuration",
    source: "seen: localstack tests against AWS, event invoke config exceptions",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const table = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
      await refused(
        client.send(
          new PutFunctionEventInvokeConfigCommand({
            FunctionName: name,
            DestinationConfig: { OnSuccess: { Destination: table } },
          }),
        ),
        invalid,
        `The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=${table}), onFailure=null) is invalid.`,
      );
    },
  },
  {
    fact: "S3 takes failures only",
    source: "api: DestinationConfig (S3 is supported only for the OnFailure destination)",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const put = (config: object) =>
        client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, DestinationConfig: config }));
      await refused(put({ OnSuccess: { Destination: "arn:aws:s3:::bucket" } }), invalid);
      const made = await put({ OnFailure: { Destination: "arn:aws:s3:::bucket" } });
      assert.equal(made.DestinationConfig?.OnFailure?.Destination, "arn:aws:s3:::bucket");
    },
  },
  {
    fact: "retries are 0 to 2 and ages 60 to 21,600 seconds",
    source: "model: MaximumRetryAttempts, MaximumEventAgeInSeconds",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const put = (more: object) =>
        client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, ...more }));
      await refused(
        put({ MaximumRetryAttempts: 3 }),
        "ValidationException",
        "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2",
      );
      await refused(put({ MaximumEventAgeInSeconds: 59 }), "ValidationException");
      await refused(put({ MaximumEventAgeInSeconds: 21_601 }), "ValidationException");
    },
  },
  {
    fact: "a function, its versions and its aliases each have a configuration of their own, and all are listed",
    source: "api: ListFunctionEventInvokeConfigs",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      for (const Qualifier of ["$LATEST", "1", "live"]) {
        await client.send(
          new PutFunctionEventInvokeConfigCommand({ FunctionName: name, Qualifier, MaximumRetryAttempts: 1 }),
        );
      }
      const first = await client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName: name, MaxItems: 2 }));
      assert.equal(first.FunctionEventInvokeConfigs?.length, 2);
      const second = await client.send(
        new ListFunctionEventInvokeConfigsCommand({ FunctionName: name, Marker: first.NextMarker }),
      );
      const arns = [...first.FunctionEventInvokeConfigs!, ...second.FunctionEventInvokeConfigs!].map(
        (one) => one.FunctionArn,
      );
      assert.deepEqual(arns, [`${arnOf(name)}:$LATEST`, `${arnOf(name)}:1`, `${arnOf(name)}:live`]);
    },
  },
  {
    fact: "an alias takes its configuration with it",
    source: "guess",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const Qualifier = "live";
      await client.send(
        new PutFunctionEventInvokeConfigCommand({ FunctionName: name, Qualifier, MaximumRetryAttempts: 1 }),
      );
      await client.send(new DeleteAliasCommand({ FunctionName: name, Name: Qualifier }));
      await client.send(new CreateAliasCommand({ FunctionName: name, Name: Qualifier, FunctionVersion: "1" }));
      await refused(
        client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: name, Qualifier })),
        notFound,
        `The function ${arnOf(name)}:live doesn't have an EventInvokeConfig`,
      );
    },
  },
  {
    fact: "the configuration is deleted with 204 and no body",
    source: "model: DeleteFunctionEventInvokeConfig",
    async holds({ client, raw }) {
      const { name } = await functionOf(client);
      await client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: name, MaximumRetryAttempts: 0 }));
      const path = `/2019-09-25/functions/${name}/event-invoke-config`;
      assert.deepEqual(await raw("DELETE", path), { status: 204, body: undefined });
      assert.equal((await raw("GET", path)).status, 404);
    },
  },
];

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

testFacts([...eventInvoke, ...urls, ...others]);
