import assert from "node:assert/strict";
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionEventInvokeConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  ListFunctionEventInvokeConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionEventInvokeConfigCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf } from "./facts-functions.ts";

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

testFacts([...eventInvoke]);
