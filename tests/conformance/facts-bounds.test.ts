import { type Fact, testFacts } from "./facts.ts";
import { refusal } from "./settings-facts.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const invalid = "InvalidParameterValueException";
const validation = "ValidationException";

const bound = (member: string, value: number, text: string) =>
  `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must have value ${text}`;
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

testFacts([...bounds]);
