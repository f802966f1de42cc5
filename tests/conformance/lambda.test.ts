import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteLayerVersionCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  GetPolicyCommand,
  LambdaClient,
  ListAliasesCommand,
  ListFunctionsCommand,
  type ListFunctionsCommandOutput,
  ListLayersCommand,
  ListLayerVersionsCommand,
  ListTagsCommand,
  ListVersionsByFunctionCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { bootstrap, type Door, openDoor, role, zipOf } from "./door.ts";

let door: Door;
let client: LambdaClient;

before(async () => {
  door = await openDoor();
  client = clientOf();
});
after(async () => {
  client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
});

function clientOf(accessKeyId = "test", region = "us-east-1"): LambdaClient {
  return new LambdaClient({
    endpoint: door.endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey: "test" },
    maxAttempts: 1,
  });
}

async function create(name: string, more: object = {}) {
  const made = await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
  return made;
}

const failure = (code: string, text?: string | RegExp) => (error: Error & { Message?: string }) => {
  assert.equal(error.name, code);
  if (typeof text === "string") assert.equal(error.message, text);
  if (text instanceof RegExp) assert.match(error.message, text);
  return true;
};

test("a new function has Lambda's defaults, is Pending first and Active when it is prepared", async () => {
  const made = await create("defaults");
  assert.equal(made.State, "Pending");
  assert.equal(made.StateReasonCode, "Creating");
  assert.equal(made.LastUpdateStatus, undefined);
  const seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "defaults" }));
  const { $metadata: _m, LastModified, RevisionId, RuntimeVersionConfig, ...configuration } = seen;
  assert.deepEqual(configuration, {
    FunctionName: "defaults",
    FunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:defaults",
    Runtime: "provided.al2023",
    Role: role,
    Handler: "any",
    CodeSize: bootstrap.length,
    CodeSha256: createHash("sha256").update(bootstrap).digest("base64"),
    Description: "",
    Timeout: 3,
    MemorySize: 128,
    Version: "$LATEST",
    TracingConfig: { Mode: "PassThrough" },
    State: "Active",
    LastUpdateStatus: "Successful",
    PackageType: "Zip",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
    LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/defaults" },
  });
  assert.match(LastModified!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
  assert.match(RevisionId!, /^[0-9a-f-]{36}$/);
  assert.notEqual(RevisionId, made.RevisionId);
  assert.match(RuntimeVersionConfig!.RuntimeVersionArn!, /^arn:aws:lambda:us-east-1::runtime:/);
});

test("every setting comes back exactly as it was given", async () => {
  const settings = {
    Description: "ünïcode",
    Timeout: 900,
    MemorySize: 10240,
    VpcConfig: { SubnetIds: ["subnet-1"], SecurityGroupIds: ["sg-1"], Ipv6AllowedForDualStack: false },
    DeadLetterConfig: { TargetArn: "arn:aws:sqs:us-east-1:000000000000:dead" },
    Environment: { Variables: { A1: "b", EMPTY: "" } },
    KMSKeyArn: "arn:aws:kms:us-east-1:000000000000:key/1",
    TracingConfig: { Mode: "Active" as const },
    FileSystemConfigs: [
      {
        Arn: "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0",
        LocalMountPath: "/mnt/a",
      },
    ],
    Architectures: ["arm64" as const],
    EphemeralStorage: { Size: 1024 },
    LoggingConfig: {
      LogFormat: "JSON" as const,
      LogGroup: "/my/group",
      ApplicationLogLevel: "DEBUG" as const,
      SystemLogLevel: "WARN" as const,
    },
    DurableConfig: { RetentionPeriodInDays: 5, ExecutionTimeout: 60 },
    TenancyConfig: { TenantIsolationMode: "PER_TENANT" as const },
  };
  await create("everything", settings);
  const seen: Record<string, unknown> = {
    ...(await client.send(new GetFunctionConfigurationCommand({ FunctionName: "everything" }))),
  };
  for (const [name, value] of Object.entries(settings)) assert.deepEqual(seen[name], value, name);
  assert.equal(seen.ImageConfigResponse, undefined);
});

test("GetFunction gives a link to the zip that was uploaded, its tags and its reservation", async () => {
  await create("download", { Tags: { team: "a" } });
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: "download", ReservedConcurrentExecutions: 7 }));
  const seen = await client.send(new GetFunctionCommand({ FunctionName: "download" }));
  assert.deepEqual(seen.Tags, { team: "a" });
  assert.deepEqual(seen.Concurrency, { ReservedConcurrentExecutions: 7 });
  const zip = await fetch(seen.Code!.Location!);
  assert.deepEqual(Buffer.from(await zip.arrayBuffer()), bootstrap);
  const forged = await fetch(seen.Code!.Location!.replace(/signature=../, "signature=00"));
  assert.equal(forged.status, 403);
});

test("a runtime that this machine does not have makes the function Failed, with the reason", async () => {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: "no-runtime",
      Role: role,
      Runtime: "dotnet8",
      Handler: "a",
      Code: { ZipFile: bootstrap },
    }),
  );
  const settled = async () => {
    for (;;) {
      const seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "no-runtime" }));
      if (seen.State !== "Pending") return seen;
    }
  };
  const { State, StateReason, StateReasonCode } = await settled();
  assert.equal(State, "Failed");
  assert.equal(StateReasonCode, "InvalidRuntime");
  assert.match(StateReason!, /dotnet8/);
});

test("creating a function twice is refused, and so are a bad zip, no code and a missing handler", async () => {
  await create("twice");
  const again = (more: object) =>
    client.send(
      new CreateFunctionCommand({
        FunctionName: "other",
        Role: role,
        Runtime: "provided.al2023",
        Handler: "a",
        Code: { ZipFile: bootstrap },
        ...more,
      }),
    );
  await assert.rejects(
    again({ FunctionName: "twice" }),
    failure("ResourceConflictException", "Function already exist: twice"),
  );
  await assert.rejects(
    again({ Code: { ZipFile: Buffer.from("no zip") } }),
    failure("InvalidParameterValueException", /^Could not unzip uploaded file/),
  );
  await assert.rejects(
    again({ Code: {} }),
    failure("InvalidParameterValueException", "Please provide a source for function code."),
  );
  await assert.rejects(
    again({ Handler: undefined }),
    failure(
      "InvalidParameterValueException",
      "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    ),
  );
  await assert.rejects(
    again({ Runtime: "nodejs99.x" }),
    failure(
      "InvalidParameterValueException",
      /^Value nodejs99.x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.*nodejs22\.x.*\] or be a valid ARN$/,
    ),
  );
  await assert.rejects(again({ Code: { S3Bucket: "bucket", S3Key: "key" } }), failure("NotImplementedException"));
  await assert.rejects(
    again({ Environment: { Variables: { AWS_REGION: "x" } } }),
    failure("InvalidParameterValueException", /Reserved keys used in this request: AWS_REGION$/),
  );
  await assert.rejects(
    again({ Environment: { Variables: { BIG: "x".repeat(4096) } } }),
    failure("InvalidParameterValueException", /exceeded the 4KB limit/),
  );
  await assert.rejects(
    again({ FunctionName: "x".repeat(65) }),
    failure("InvalidParameterValueException", /Member must have length less than or equal to 64$/),
  );
  await assert.rejects(
    client.send(new GetFunctionCommand({ FunctionName: "other" })),
    failure("ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:other"),
  );
});

test("all broken constraints are listed in one ValidationException, in AWS's words", async () => {
  await assert.rejects(
    client.send(
      new CreateFunctionCommand({
        FunctionName: "broken",
        Role: "x",
        Runtime: "provided.al2023",
        Handler: "a",
        MemorySize: 20000,
        Timeout: 0,
        Code: { ZipFile: bootstrap },
      }),
    ),
    failure(
      "ValidationException",
      "3 validation errors detected: Value 'x' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+; Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '20000' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240",
    ),
  );
});

test("UpdateFunctionCode changes the code, retires environments, honours RevisionId and DryRun, and can publish", async () => {
  await create("recode");
  const other = await zipOf({ bootstrap: "#!/bin/sh\nexit 1\n" });
  const before = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "recode" }));
  await assert.rejects(
    client.send(
      new UpdateFunctionCodeCommand({
        FunctionName: "recode",
        ZipFile: other,
        RevisionId: "00000000-0000-0000-0000-000000000000",
      }),
    ),
    failure("PreconditionFailedException"),
  );
  const dry = await client.send(
    new UpdateFunctionCodeCommand({ FunctionName: "recode", ZipFile: other, DryRun: true }),
  );
  assert.notEqual(dry.CodeSha256, before.CodeSha256);
  const unchanged = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "recode" }));
  assert.equal(unchanged.CodeSha256, before.CodeSha256);

  const key = door.registry.resolve("000000000000", "us-east-1", "recode").key;
  const updated = await client.send(
    new UpdateFunctionCodeCommand({
      FunctionName: "recode",
      ZipFile: other,
      RevisionId: before.RevisionId!,
      Publish: true,
    }),
  );
  assert.equal(updated.Version, "1");
  assert.equal(updated.CodeSha256, dry.CodeSha256);
  assert.notEqual(door.registry.resolve("000000000000", "us-east-1", "recode").key, key);
  assert.ok(door.retired.includes("recode"));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { FunctionName: "recode" });
});

test("UpdateFunctionConfiguration changes what it names and nothing else", async () => {
  await create("reconfigure", { Environment: { Variables: { KEPT: "1" } }, Description: "old" });
  const updated = await client.send(
    new UpdateFunctionConfigurationCommand({ FunctionName: "reconfigure", MemorySize: 256, Description: "" }),
  );
  assert.equal(updated.LastUpdateStatus, "InProgress");
  assert.equal(updated.MemorySize, 256);
  assert.equal(updated.Description, "");
  assert.deepEqual(updated.Environment, { Variables: { KEPT: "1" } });
  await waitUntilFunctionUpdatedV2(
    { client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
    { FunctionName: "reconfigure" },
  );
  assert.equal(door.registry.resolve("000000000000", "us-east-1", "reconfigure").memoryMb, 256);
});

test("a published version never changes, and publishing again without a change publishes nothing", async () => {
  await create("versions", { Publish: true });
  const first = await client.send(new GetFunctionCommand({ FunctionName: "versions", Qualifier: "1" }));
  assert.equal(first.Configuration!.FunctionArn, "arn:aws:lambda:us-east-1:000000000000:function:versions:1");
  const again = await client.send(new PublishVersionCommand({ FunctionName: "versions", Description: "ignored" }));
  assert.equal(again.Version, "1");
  assert.equal(again.Description, "");
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "versions", Timeout: 60 }));
  const second = await client.send(new PublishVersionCommand({ FunctionName: "versions", Description: "second" }));
  assert.equal(second.Version, "2");
  assert.equal(second.Description, "second");
  const old = await client.send(new GetFunctionConfigurationCommand({ FunctionName: "versions:1" }));
  assert.equal(old.Timeout, 3);
  const list = await client.send(new ListVersionsByFunctionCommand({ FunctionName: "versions" }));
  assert.deepEqual(
    list.Versions!.map((version) => version.Version),
    ["$LATEST", "1", "2"],
  );
  await assert.rejects(
    client.send(new PublishVersionCommand({ FunctionName: "versions", CodeSha256: "other" })),
    failure("InvalidParameterValueException", /^CodeSHA256 \(other\) is different from current CodeSHA256 in \$LATEST/),
  );
  await client.send(new DeleteFunctionCommand({ FunctionName: "versions", Qualifier: "1" }));
  await assert.rejects(
    client.send(new GetFunctionCommand({ FunctionName: "versions", Qualifier: "1" })),
    failure("ResourceNotFoundException"),
  );
  await assert.rejects(
    client.send(new DeleteFunctionCommand({ FunctionName: "versions", Qualifier: "$LATEST" })),
    failure("InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function."),
  );
  // A number is never given twice.
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "versions", Timeout: 61 }));
  assert.equal((await client.send(new PublishVersionCommand({ FunctionName: "versions" }))).Version, "3");
});

test("aliases lead to versions, keep their weights, and protect what they lead to", async () => {
  await create("aliased", { Publish: true });
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "aliased", Timeout: 60 }));
  await client.send(new PublishVersionCommand({ FunctionName: "aliased" }));
  const made = await client.send(
    new CreateAliasCommand({
      FunctionName: "aliased",
      Name: "live",
      FunctionVersion: "1",
      RoutingConfig: { AdditionalVersionWeights: { "2": 1 } },
    }),
  );
  assert.equal(made.AliasArn, "arn:aws:lambda:us-east-1:000000000000:function:aliased:live");
  assert.deepEqual(made.RoutingConfig, { AdditionalVersionWeights: { "2": 1 } });
  assert.equal(door.registry.resolve("000000000000", "us-east-1", "aliased", "live").version, "2");
  await assert.rejects(
    client.send(new CreateAliasCommand({ FunctionName: "aliased", Name: "live", FunctionVersion: "1" })),
    failure("ResourceConflictException"),
  );
  await assert.rejects(
    client.send(new CreateAliasCommand({ FunctionName: "aliased", Name: "none", FunctionVersion: "9" })),
    failure("ResourceNotFoundException"),
  );
  await assert.rejects(
    client.send(new DeleteFunctionCommand({ FunctionName: "aliased", Qualifier: "2" })),
    failure("ResourceConflictException"),
  );
  const moved = await client.send(
    new UpdateAliasCommand({
      FunctionName: "aliased",
      Name: "live",
      RoutingConfig: { AdditionalVersionWeights: {} },
      RevisionId: made.RevisionId!,
    }),
  );
  assert.equal(moved.RoutingConfig, undefined);
  assert.equal(door.registry.resolve("000000000000", "us-east-1", "aliased", "live").version, "1");
  assert.equal((await client.send(new ListAliasesCommand({ FunctionName: "aliased" }))).Aliases!.length, 1);
  assert.equal(
    (await client.send(new GetAliasCommand({ FunctionName: "aliased", Name: "live" }))).FunctionVersion,
    "1",
  );
  await client.send(new DeleteAliasCommand({ FunctionName: "aliased", Name: "live" }));
  await assert.rejects(
    client.send(new GetAliasCommand({ FunctionName: "aliased", Name: "live" })),
    failure("ResourceNotFoundException", /^Cannot find alias arn: .*:aliased:live$/),
  );
});

test("reserved concurrency keeps a hundred of the account's for the others", async () => {
  await create("reserved");
  const put = (n: number) =>
    client.send(new PutFunctionConcurrencyCommand({ FunctionName: "reserved", ReservedConcurrentExecutions: n }));
  await assert.rejects(put(1000), failure("InvalidParameterValueException", /minimum value of \[100\]/));
  await put(5);
  const get = () => client.send(new GetFunctionConcurrencyCommand({ FunctionName: "reserved" }));
  assert.equal((await get()).ReservedConcurrentExecutions, 5);
  assert.equal(door.registry.resolve("000000000000", "us-east-1", "reserved").reservedConcurrency, 5);
  await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: "reserved" }));
  assert.equal((await get()).ReservedConcurrentExecutions, undefined);
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand());
  assert.equal(AccountLimit!.ConcurrentExecutions, 1000);
});

test("tags are set, listed and taken away, and one of them opens the network", async () => {
  const { FunctionArn } = await create("tagged");
  const network = () => door.registry.resolve("000000000000", "us-east-1", "tagged").network;
  assert.equal(network(), "none");
  await client.send(new TagResourceCommand({ Resource: FunctionArn, Tags: { a: "1", "thaw:egress": "on" } }));
  assert.equal(network(), "egress");
  await client.send(new UntagResourceCommand({ Resource: FunctionArn, TagKeys: ["thaw:egress"] }));
  assert.equal(network(), "none");
  assert.deepEqual((await client.send(new ListTagsCommand({ Resource: FunctionArn }))).Tags, { a: "1" });
});

test("lists come in pages", async () => {
  const other = clientOf("111111111111");
  const make = (name: string) =>
    other.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Role: role,
        Runtime: "provided.al2",
        Handler: "h",
        Code: { ZipFile: bootstrap },
      }),
    );
  for (const name of ["c", "a", "b"]) await make(name);
  const first = await other.send(new ListFunctionsCommand({ MaxItems: 2 }));
  assert.deepEqual(
    first.Functions!.map((one) => one.FunctionName),
    ["a", "b"],
  );
  assert.equal(first.Functions![0]!.State, undefined);
  const second = await other.send(new ListFunctionsCommand({ Marker: first.NextMarker }));
  assert.deepEqual(
    second.Functions!.map((one) => one.FunctionArn),
    ["arn:aws:lambda:us-east-1:111111111111:function:c"],
  );
  assert.equal(second.NextMarker, undefined);

  // Every version, of names of which one begins with another; what is deleted between two pages takes nothing along.
  await make("a-b");
  for (const name of ["a", "a-b"]) await other.send(new PublishVersionCommand({ FunctionName: name }));
  const listed: string[] = [];
  let Marker: string | undefined;
  do {
    const page: ListFunctionsCommandOutput = await other.send(
      new ListFunctionsCommand({ FunctionVersion: "ALL", MaxItems: 2, ...(Marker === undefined ? {} : { Marker }) }),
    );
    listed.push(...page.Functions!.map((one) => one.FunctionArn!.split(":").slice(6).join(":")));
    Marker = page.NextMarker;
    if (listed.at(-1) === "a-b:1") await other.send(new DeleteFunctionCommand({ FunctionName: "a-b" }));
  } while (Marker !== undefined);
  assert.deepEqual(listed, ["a:$LATEST", "a:1", "a-b:$LATEST", "a-b:1", "b:$LATEST", "c:$LATEST"]);
  other.destroy();
});

test("accounts and regions do not see each other's functions", async () => {
  await create("mine");
  for (const stranger of [clientOf("222222222222"), clientOf("test", "eu-west-1")]) {
    await assert.rejects(
      stranger.send(new GetFunctionCommand({ FunctionName: "mine" })),
      failure("ResourceNotFoundException"),
    );
    stranger.destroy();
  }
  await assert.rejects(
    client.send(new GetFunctionCommand({ FunctionName: "arn:aws:lambda:eu-west-1:000000000000:function:mine" })),
    failure("ResourceNotFoundException", "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
  );
});

test("a function answers to its name, its partial ARN and its ARN, and a contradicting qualifier is refused", async () => {
  await create("named", { Publish: true });
  const arn = "arn:aws:lambda:us-east-1:000000000000:function:named";
  for (const name of ["named", "000000000000:function:named", "function:named", arn]) {
    const seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    assert.equal(seen.FunctionArn, arn, name);
    const version = await client.send(new GetFunctionConfigurationCommand({ FunctionName: `${name}:1` }));
    assert.equal(version.FunctionArn, `${arn}:1`, name);
  }
  await assert.rejects(
    client.send(new GetFunctionCommand({ FunctionName: "named:1", Qualifier: "2" })),
    failure(
      "InvalidParameterValueException",
      "The derived qualifier from the function name does not match the specified qualifier.",
    ),
  );
});

test("layers are published, found, listed, used and deleted", async () => {
  const zip = await zipOf({ "lib/a.txt": "a" });
  const made = await client.send(
    new PublishLayerVersionCommand({
      LayerName: "things",
      Content: { ZipFile: zip },
      CompatibleRuntimes: ["provided.al2023"],
      LicenseInfo: "MIT",
    }),
  );
  const arn = "arn:aws:lambda:us-east-1:000000000000:layer:things:1";
  assert.equal(made.LayerVersionArn, arn);
  const bytes = await (await fetch(made.Content!.Location!)).arrayBuffer();
  assert.deepEqual(Buffer.from(bytes), zip);
  assert.equal(
    (await client.send(new GetLayerVersionCommand({ LayerName: "things", VersionNumber: 1 }))).LicenseInfo,
    "MIT",
  );
  assert.equal((await client.send(new GetLayerVersionByArnCommand({ Arn: arn }))).Version, 1);
  assert.equal((await client.send(new ListLayersCommand({ CompatibleRuntime: "nodejs22.x" }))).Layers!.length, 0);
  assert.equal((await client.send(new ListLayersCommand())).Layers![0]!.LatestMatchingVersion!.LayerVersionArn, arn);

  const used = await create("layered", { Layers: [arn] });
  assert.deepEqual(used.Layers, [{ Arn: arn, CodeSize: zip.length }]);
  await assert.rejects(
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "layered", Layers: [arn.replace(":1", ":9")] })),
    failure("InvalidParameterValueException"),
  );
  await client.send(new DeleteLayerVersionCommand({ LayerName: "things", VersionNumber: 1 }));
  assert.equal((await client.send(new ListLayerVersionsCommand({ LayerName: "things" }))).LayerVersions!.length, 0);
  assert.deepEqual(door.registry.resolve("000000000000", "us-east-1", "layered").layers.length, 1);
  const next = await client.send(new PublishLayerVersionCommand({ LayerName: "things", Content: { ZipFile: zip } }));
  assert.equal(next.Version, 2);
});

test("deleting a function deletes all of it, and its name is free again", async () => {
  await create("gone", { Publish: true });
  const deleted = await client.send(new DeleteFunctionCommand({ FunctionName: "gone" }));
  assert.equal(deleted.$metadata.httpStatusCode, 204);
  assert.ok(door.retired.includes("gone"));
  await assert.rejects(
    client.send(new DeleteFunctionCommand({ FunctionName: "gone" })),
    failure("ResourceNotFoundException"),
  );
  await create("gone");
  const list = await client.send(new ListVersionsByFunctionCommand({ FunctionName: "gone" }));
  assert.equal(list.Versions!.length, 1);
});

test("what Terraform reads is answered: no code signing, no policy", async () => {
  await create("terraform");
  const signing = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName: "terraform" }));
  assert.equal(signing.CodeSigningConfigArn, undefined);
  assert.equal(signing.FunctionName, undefined);
  await assert.rejects(
    client.send(new GetPolicyCommand({ FunctionName: "terraform" })),
    failure("ResourceNotFoundException", "The resource you requested does not exist."),
  );
});
