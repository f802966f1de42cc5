import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  type LambdaClient,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import { bootstrap, role, zipOf } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const validation = "ValidationException";

const create = (client: LambdaClient, more: Partial<CreateFunctionCommandInput> | object) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName: newName(),
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      ...more,
    } as CreateFunctionCommandInput),
  );
const update = async (
  client: LambdaClient,
  FunctionName: string,
  more: Partial<UpdateFunctionConfigurationCommandInput> | object,
) => {
  const updated = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...more }));
  await settled(client, FunctionName);
  return updated;
};

/** Refused at creation, and where `updates` in an update too, which then changes nothing. */
const refusal = (
  fact: string,
  source: string,
  given: object,
  code: string,
  text?: string | RegExp,
  updates = true,
): Fact => ({
  fact,
  source,
  async holds({ client }) {
    await refused(create(client, given), code, text);
    if (!updates) return;
    const { name, revision } = await functionOf(client);
    await refused(update(client, name, given), code, text);
    assert.equal((await settled(client, name)).RevisionId, revision);
  },
});

const bound = (member: string, value: number, text: string) =>
  `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must have value ${text}`;
const vpc = { SubnetIds: ["subnet-1"], SecurityGroupIds: ["sg-1"] };
const accessPoint = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0";
const mount = { Arn: accessPoint, LocalMountPath: "/mnt/a" };

const bounds: readonly Fact[] = [
  refusal(
    "memory is 128 MB at least",
    "guide: Lambda quotas; model: MemorySize",
    { MemorySize: 127 },
    validation,
    bound("memorySize", 127, "greater than or equal to 128"),
  ),
  refusal(
    "memory is 10,240 MB at most",
    "guide: Lambda quotas",
    { MemorySize: 10_241 },
    validation,
    bound("memorySize", 10_241, "less than or equal to 10240"),
  ),
  refusal(
    "a timeout is a second at least",
    "guide: Lambda quotas; model: Timeout",
    { Timeout: 0 },
    validation,
    bound("timeout", 0, "greater than or equal to 1"),
  ),
  refusal(
    "a timeout is 900 seconds at most",
    "guide: Lambda quotas",
    { Timeout: 901 },
    validation,
    bound("timeout", 901, "less than or equal to 900"),
  ),
  refusal(
    "/tmp has 512 MB at least",
    "guide: Lambda quotas",
    { EphemeralStorage: { Size: 511 } },
    validation,
    bound("ephemeralStorage.size", 511, "greater than or equal to 512"),
  ),
  refusal(
    "/tmp has 10,240 MB at most",
    "guide: Lambda quotas",
    { EphemeralStorage: { Size: 10_241 } },
    validation,
    bound("ephemeralStorage.size", 10_241, "less than or equal to 10240"),
  ),
  refusal(
    "a description has 256 characters at most",
    "model: Description",
    { Description: "x".repeat(257) },
    validation,
    /at 'description' failed to satisfy constraint: Member must have length less than or equal to 256$/,
  ),
  refusal(
    "a handler has 128 characters at most",
    "model: Handler",
    { Handler: "x".repeat(129) },
    validation,
    /at 'handler'/,
  ),
  refusal(
    "a role is an ARN of IAM",
    `${recorded}, create lambda exceptions`,
    { Role: "r1" },
    validation,
    "1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
  ),
  refusal(
    "tracing is one of two",
    "model: TracingMode",
    { TracingConfig: { Mode: "Sometimes" } },
    validation,
    /at 'tracingConfig\.mode' failed to satisfy constraint: Member must satisfy enum value set: \[/,
  ),
  refusal(
    "a log group's name has its own letters",
    "model: LogGroup",
    { LoggingConfig: { LogGroup: "a b" } },
    validation,
    /at 'loggingConfig\.logGroup'/,
  ),
  refusal(
    "16 subnets at most",
    "model: SubnetIds",
    { VpcConfig: { SubnetIds: Array.from({ length: 17 }, (_, index) => `subnet-${index}`) } },
    validation,
    /at 'vpcConfig\.subnetIds' failed to satisfy constraint: Member must have length less than or equal to 16$/,
  ),
  refusal(
    "5 security groups at most",
    "model: SecurityGroupIds",
    { VpcConfig: { SecurityGroupIds: Array.from({ length: 6 }, (_, index) => `sg-${index}`) } },
    validation,
    /at 'vpcConfig\.securityGroupIds'/,
  ),
  refusal(
    "one file system at most",
    "model: FileSystemConfigList",
    { FileSystemConfigs: [mount, mount] },
    validation,
    /at 'fileSystemConfigs'/,
  ),
  refusal(
    "a mount path is below /mnt",
    "model: LocalMountPath",
    { FileSystemConfigs: [{ Arn: accessPoint, LocalMountPath: "/data" }] },
    validation,
    /localMountPath/,
  ),
  refusal(
    "a dead letter target is an ARN",
    "model: ResourceArn",
    { DeadLetterConfig: { TargetArn: "queue" } },
    validation,
    /at 'deadLetterConfig\.targetArn'/,
  ),
  refusal("a key is an ARN", "model: KMSKeyArn", { KMSKeyArn: "key" }, validation, /at 'kMSKeyArn'/),
  refusal(
    "one architecture",
    `${recorded}, create lambda exceptions`,
    { Architectures: ["x86_64", "arm64"] },
    validation,
    "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1",
    false,
  ),
  refusal(
    "an architecture that exists",
    `${recorded}, create lambda exceptions`,
    { Architectures: ["ppc64"] },
    validation,
    "1 validation error detected: Value '[ppc64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    false,
  ),
  refusal(
    "a runtime that exists",
    `${recorded}, create lambda exceptions`,
    { Runtime: "non-existent-runtime" },
    invalid,
    /^Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.*\] or be a valid ARN$/,
  ),
  refusal(
    "a zip needs a runtime",
    "seen: Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    { Runtime: undefined },
    invalid,
    "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    false,
  ),
  refusal(
    "names of variables begin with a letter",
    "model: EnvironmentVariableName",
    { Environment: { Variables: { "1A": "x" } } },
    validation,
    /Map keys must satisfy constraint/,
  ),
];

const rules: readonly Fact[] = [
  ...["_HANDLER", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT"].map((name) =>
    refusal(
      `${name} is not for the client to set`,
      "guide: Defined runtime environment variables; seen: … Reserved keys used in this request: …",
      { Environment: { Variables: { [name]: "x" } } },
      name.startsWith("_") ? validation : invalid,
      name.startsWith("_")
        ? /Map keys/
        : new RegExp(
            `^Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification\\. Reserved keys used in this request: ${name}$`,
          ),
    ),
  ),
  {
    fact: "variables have 4 KB together, measured as compact JSON, to the byte",
    source: `${recorded}, large environment variables; guide: Lambda quotas`,
    async holds({ client }) {
      const overhead = JSON.stringify({ AB: "" }).length;
      const full = "x".repeat(4096 - overhead);
      const made = await create(client, { Environment: { Variables: { AB: full } } });
      assert.equal(made.Environment?.Variables?.AB, full);
      const variables = { AB: `${full}x` };
      await refused(
        create(client, { Environment: { Variables: variables } }),
        invalid,
        `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: ${JSON.stringify(variables)}`,
      );
    },
  },
  {
    fact: "variables are counted in bytes, not in letters",
    source: `${recorded}, large environment variables`,
    async holds({ client }) {
      await refused(
        create(client, { Environment: { Variables: { AB: "ü".repeat(2048) } } }),
        invalid,
        /exceeded the 4KB limit/,
      );
    },
  },
  {
    fact: "an update replaces all variables, and without Environment keeps them",
    source: "api: UpdateFunctionConfiguration, Environment",
    async holds({ client }) {
      const { name } = await functionOf(client, { Environment: { Variables: { AB: "1", CD: "2" } } });
      assert.deepEqual((await update(client, name, { Timeout: 4 })).Environment, { Variables: { AB: "1", CD: "2" } });
      const replaced = await update(client, name, { Environment: { Variables: { EF: "3" } } });
      assert.deepEqual(replaced.Environment, { Variables: { EF: "3" } });
      const emptied = await update(client, name, { Environment: { Variables: {} } });
      assert.deepEqual(emptied.Environment?.Variables ?? {}, {});
    },
  },
  {
    fact: "an empty list of layers takes them away, none keeps them",
    source: "api: UpdateFunctionConfiguration, Layers",
    async holds({ client }) {
      const Content = { ZipFile: await zipOf({ "a.txt": "a" }) };
      const layer = await client.send(new PublishLayerVersionCommand({ LayerName: newName(), Content }));
      const { name } = await functionOf(client, { Layers: [layer.LayerVersionArn!] });
      assert.equal((await update(client, name, { Timeout: 4 })).Layers?.length, 1);
      assert.equal((await update(client, name, { Layers: [] })).Layers, undefined);
    },
  },
  {
    fact: "layers keep their order",
    source: "guide: Managing Lambda dependencies with layers (the order in which they are merged)",
    async holds({ client }) {
      const Content = { ZipFile: await zipOf({ "a.txt": "a" }) };
      const arns: string[] = [];
      for (const LayerName of ["zzz", "mmm", "aaa"]) {
        const made = await client.send(new PublishLayerVersionCommand({ LayerName, Content }));
        arns.push(made.LayerVersionArn!);
      }
      const made = await create(client, { Layers: arns });
      assert.deepEqual(
        made.Layers?.map((one) => one.Arn),
        arns,
      );
      const { FunctionName } = made;
      await settled(client, FunctionName!);
      const turned = await update(client, FunctionName!, { Layers: arns.toReversed() });
      assert.deepEqual(
        turned.Layers?.map((one) => one.Arn),
        arns.toReversed(),
      );
    },
  },
  {
    fact: "5 layers at most, each once, all of this region, all there",
    source: `${recorded}, layer function exceptions`,
    async holds({ client }) {
      const Content = { ZipFile: await zipOf({ "a.txt": "a" }) };
      const publish = async (LayerName: string) =>
        (await client.send(new PublishLayerVersionCommand({ LayerName, Content }))).LayerVersionArn!;
      const arns = await Promise.all(["l1", "l2", "l3", "l4", "l5", "l6"].map(publish));
      await refused(create(client, { Layers: arns }), invalid, "Cannot reference more than 5 layers.");
      const again = await publish("l1");
      await refused(
        create(client, { Layers: [arns[0]!, again] }),
        invalid,
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${arns[0]} and ${again} are versions of the same layer.`,
      );
      await refused(
        create(client, { Layers: [arns[0]!.replace("us-east-1", "eu-west-1")] }),
        invalid,
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
      );
      const missing = arns[0]!.replace(/\d+$/, "99");
      await refused(create(client, { Layers: [missing] }), invalid, `Layer version ${missing} does not exist.`);
    },
  },
  {
    fact: "a layer is named with its version",
    source: `${recorded}, layer function exceptions`,
    async holds({ client }) {
      const arn = "arn:aws:lambda:us-east-1:000000000000:layer:l1";
      await refused(
        create(client, { Layers: [arn] }),
        validation,
        /^1 validation error detected: Value '\[arn:aws:lambda:us-east-1:000000000000:layer:l1\]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: \[Member must have length less than or equal to \d+, /,
      );
    },
  },
  {
    fact: "logging in JSON has levels, INFO unless others are given, in the function's own group unless another is given",
    source: `${recorded}, advanced logging configuration`,
    async holds({ client }) {
      const name = newName();
      const made = await create(client, { FunctionName: name, LoggingConfig: { LogFormat: "JSON" } });
      assert.deepEqual(made.LoggingConfig, {
        LogFormat: "JSON",
        ApplicationLogLevel: "INFO",
        SystemLogLevel: "INFO",
        LogGroup: `/aws/lambda/${name}`,
      });
    },
  },
  {
    fact: "an update of logging keeps what it does not name, and text has no levels",
    source: `${recorded}, advanced logging configuration format switch; partial advanced logging configuration update`,
    async holds({ client }) {
      const { name } = await functionOf(client, {
        LoggingConfig: { LogFormat: "JSON", LogGroup: "/own", ApplicationLogLevel: "DEBUG" },
      });
      const level = await update(client, name, { LoggingConfig: { SystemLogLevel: "WARN" } });
      assert.deepEqual(level.LoggingConfig, {
        LogFormat: "JSON",
        LogGroup: "/own",
        ApplicationLogLevel: "DEBUG",
        SystemLogLevel: "WARN",
      });
      const text = await update(client, name, { LoggingConfig: { LogFormat: "Text" } });
      assert.deepEqual(text.LoggingConfig, { LogFormat: "Text", LogGroup: "/own" });
      const back = await update(client, name, { LoggingConfig: { LogFormat: "JSON" } });
      assert.deepEqual(back.LoggingConfig, {
        LogFormat: "JSON",
        LogGroup: "/own",
        ApplicationLogLevel: "INFO",
        SystemLogLevel: "INFO",
      });
    },
  },
  refusal(
    "levels are for logs in JSON",
    "seen: Log level cannot be set to the function when log format is Text. …",
    { LoggingConfig: { ApplicationLogLevel: "DEBUG" } },
    invalid,
    "Log level cannot be set to the function when log format is Text. Set the log format to JSON and try again.",
  ),
  refusal(
    "a file system needs a VPC",
    "guide: Configuring file system access for Lambda functions; seen: Function must be configured to execute in a VPC to reference access point …",
    { FileSystemConfigs: [mount] },
    invalid,
    `Function must be configured to execute in a VPC to reference access point ${accessPoint}.`,
  ),
  {
    fact: "VPC, file system, dead letter target and key come back as they were given",
    source: "api: FunctionConfiguration",
    async holds({ client }) {
      const given = {
        VpcConfig: { ...vpc, Ipv6AllowedForDualStack: false },
        FileSystemConfigs: [mount],
        DeadLetterConfig: { TargetArn: "arn:aws:sns:us-east-1:000000000000:dead" },
        KMSKeyArn: "arn:aws:kms:us-east-1:000000000000:key/k",
      };
      const made = await create(client, given);
      for (const [name, value] of Object.entries(given)) {
        assert.deepEqual(made[name as keyof typeof given], value, name);
      }
    },
  },
  {
    fact: "a function is taken out of its VPC by empty lists, and shows that it has none",
    source: `${recorded}, vpc config`,
    async holds({ client }) {
      const { name } = await functionOf(client, { VpcConfig: vpc });
      const out = await update(client, name, { VpcConfig: { SubnetIds: [], SecurityGroupIds: [] } });
      assert.deepEqual(out.VpcConfig, {
        SubnetIds: [],
        SecurityGroupIds: [],
        VpcId: "",
        Ipv6AllowedForDualStack: false,
      });
    },
  },
  {
    fact: "a dead letter target and a key are taken away by giving them empty, and not shown then",
    source: "api: DeadLetterConfig; terraform: aws_lambda_function sends them empty",
    async holds({ client }) {
      const { name } = await functionOf(client, {
        DeadLetterConfig: { TargetArn: "arn:aws:sqs:us-east-1:000000000000:dead" },
        KMSKeyArn: "arn:aws:kms:us-east-1:000000000000:key/k",
      });
      const cleared = await update(client, name, { DeadLetterConfig: { TargetArn: "" }, KMSKeyArn: "" });
      assert.equal(cleared.DeadLetterConfig, undefined);
      assert.equal(cleared.KMSKeyArn, undefined);
    },
  },
  {
    fact: "a description is taken away by an empty one, and always shown",
    source: `${recorded}, function lifecycle`,
    async holds({ client }) {
      const { name } = await functionOf(client, { Description: "d" });
      assert.equal((await update(client, name, { Description: "" })).Description, "");
    },
  },
];

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

testFacts([...bounds, ...rules, ...code, ...account]);
