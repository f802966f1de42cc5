/** A policy that AWS makes and every account has. */
export interface AwsManagedPolicy {
  readonly arn: string;
  readonly document: string;
}

interface Grant {
  readonly actions: string | readonly string[];
  readonly resources?: string | readonly string[];
  readonly condition?: object;
}

const logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const networkInterfaces = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

const fullAccess = (...services: readonly string[]): readonly Grant[] => [
  { actions: services.map((service) => `${service}:*`) },
];

/**
 * What they grant, by the ARN behind `arn:aws:iam::aws:policy/`: those that functions and who deploys them usually have.
 * Source: AWS Managed Policy Reference Guide; what it grants on services that are not served here is left out in part.
 */
const grants: Readonly<Record<string, readonly Grant[]>> = {
  AdministratorAccess: [{ actions: "*" }],
  AWSLambda_FullAccess: [
    {
      actions: [
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudwatch:ListMetrics",
        "cloudwatch:GetMetricData",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "kms:ListAliases",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "lambda:*",
        "logs:DescribeLogGroups",
        "states:DescribeStateMachine",
        "states:ListStateMachines",
        "tag:GetResources",
        "xray:GetTraceSummaries",
        "xray:BatchGetTraces",
      ],
    },
    { actions: "iam:PassRole", condition: { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } } },
    {
      actions: ["logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartLiveTail"],
      resources: "arn:aws:logs:*:*:log-group:/aws/lambda/*",
    },
  ],
  AWSLambda_ReadOnlyAccess: [
    {
      actions: [
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "kms:ListAliases",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "logs:DescribeLogGroups",
        "lambda:Get*",
        "lambda:List*",
        "states:DescribeStateMachine",
        "states:ListStateMachines",
        "tag:GetResources",
        "xray:GetTraceSummaries",
        "xray:BatchGetTraces",
      ],
    },
    {
      actions: ["logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"],
      resources: "arn:aws:logs:*:*:log-group:/aws/lambda/*",
    },
  ],
  AmazonS3FullAccess: fullAccess("s3", "s3-object-lambda"),
  AmazonS3ReadOnlyAccess: [
    { actions: ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"] },
  ],
  AmazonSSMReadOnlyAccess: [{ actions: ["ssm:Describe*", "ssm:Get*", "ssm:List*"] }],
  AmazonSQSFullAccess: fullAccess("sqs"),
  AmazonDynamoDBFullAccess: fullAccess("dynamodb"),
  CloudWatchLogsFullAccess: fullAccess("logs"),
  CloudWatchLogsReadOnlyAccess: [
    {
      actions: [
        "logs:Describe*",
        "logs:Get*",
        "logs:List*",
        "logs:StartQuery",
        "logs:StopQuery",
        "logs:TestMetricFilter",
        "logs:FilterLogEvents",
        "logs:StartLiveTail",
        "logs:StopLiveTail",
      ],
    },
  ],
  IAMFullAccess: fullAccess("iam"),
  IAMReadOnlyAccess: [
    {
      actions: [
        "iam:GenerateCredentialReport",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:Get*",
        "iam:List*",
        "iam:Simulate*",
      ],
    },
  ],
  SecretsManagerReadWrite: fullAccess("secretsmanager"),
  "service-role/AWSLambdaBasicExecutionRole": [{ actions: logs }],
  "service-role/AWSLambdaVPCAccessExecutionRole": [{ actions: [...logs, ...networkInterfaces] }],
  "service-role/AWSLambdaENIManagementAccess": [{ actions: networkInterfaces }],
  "service-role/AWSLambdaRole": [{ actions: "lambda:InvokeFunction" }],
  "service-role/AWSLambdaSQSQueueExecutionRole": [
    { actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", ...logs] },
  ],
  "service-role/AWSLambdaKinesisExecutionRole": [
    {
      actions: [
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kinesis:ListStreams",
        "kinesis:SubscribeToShard",
        ...logs,
      ],
    },
  ],
  "service-role/AWSLambdaDynamoDBExecutionRole": [
    {
      actions: [
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        ...logs,
      ],
    },
  ],
  "service-role/AWSLambdaMSKExecutionRole": [
    {
      actions: [
        "kafka:DescribeCluster",
        "kafka:DescribeClusterV2",
        "kafka:GetBootstrapBrokers",
        ...networkInterfaces.slice(0, 4),
        "ec2:DescribeVpcs",
        "ec2:DescribeSecurityGroups",
        ...logs,
      ],
    },
  ],
  "service-role/AWSLambdaBasicDurableExecutionRolePolicy": [
    { actions: ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState", ...logs] },
  ],
  AWSLambdaExecute: [
    { actions: "logs:*", resources: "arn:aws:logs:*:*:*" },
    { actions: ["s3:GetObject", "s3:PutObject"], resources: "arn:aws:s3:::*" },
  ],
  AWSXRayDaemonWriteAccess: [
    {
      actions: [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
      ],
    },
  ],
  PowerUserAccess: [],
  ReadOnlyAccess: [
    {
      actions: ["iam", "lambda", "logs", "s3", "sqs", "ssm", "sts", "kms"].flatMap((service) => [
        `${service}:Get*`,
        `${service}:List*`,
        `${service}:Describe*`,
      ]),
    },
  ],
};

/** The one that says what it does not grant. */
const powerUser = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", NotAction: ["iam:*", "organizations:*", "account:*"], Resource: "*" },
    {
      Effect: "Allow",
      Action: [
        "account:GetAccountInformation",
        "iam:CreateServiceLinkedRole",
        "iam:DeleteServiceLinkedRole",
        "iam:ListRoles",
        "organizations:DescribeOrganization",
      ],
      Resource: "*",
    },
  ],
};

const prefix = "arn:aws:iam::aws:policy/";

/** Undefined: no such policy is known here, though AWS may have it. */
export function awsManagedPolicy(arn: string): AwsManagedPolicy | undefined {
  const name = arn.startsWith(prefix) ? arn.slice(prefix.length) : "";
  const granted = Object.hasOwn(grants, name) ? grants[name] : undefined;
  if (granted === undefined) return undefined;
  const Statement = granted.map(({ actions, resources = "*", condition }) => ({
    Effect: "Allow",
    Action: actions,
    Resource: resources,
    ...(condition === undefined ? {} : { Condition: condition }),
  }));
  const document = name === "PowerUserAccess" ? powerUser : { Version: "2012-10-17", Statement };
  return { arn, document: JSON.stringify(document) };
}

/** All that are known here. */
export const awsManagedPolicies = (): readonly AwsManagedPolicy[] =>
  Object.keys(grants).map((name) => awsManagedPolicy(prefix + name)!);
