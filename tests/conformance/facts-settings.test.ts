import assert from "node:assert/strict";
import { PublishLayerVersionCommand } from "@aws-sdk/client-lambda";
import { zipOf } from "./door.ts";
import { type Fact, refused, testFacts } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";
import { create, refusal, update } from "./settings-facts.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const validation = "ValidationException";

const vpc = { SubnetIds: ["subnet-1"], SecurityGroupIds: ["sg-1"] };
const accessPoint = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0";
const mount = { Arn: accessPoint, LocalMountPath: "/mnt/a" };

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

testFacts([...rules]);
