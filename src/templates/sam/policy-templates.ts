// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import { isMapping, type Mapping } from "../document.ts";
import { SamError } from "./context.ts";

/** One statement of a policy template: actions (after `service:`), and resources as the rest of their ARNs, or a whole one. */
interface Grant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition?: Mapping;
}

const grant = (service: string, actions: string, ...resources: string[]): Grant => ({
  actions: actions.split(" ").map((action) => `${service}:${action}`),
  resources,
});
const arn = (service: string, rest: string): string =>
  `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`;
const bucket = "arn:${AWS::Partition}:s3:::${BucketName}";
const table = [arn("dynamodb", "table/${TableName}"), arn("dynamodb", "table/${TableName}/index/*")];
const parameters = "GetParameters GetParameter GetParametersByPath";
const s3Read = "GetObject ListBucket GetBucketLocation GetObjectVersion";

/** Source: AWS SAM Developer Guide, "AWS SAM policy templates": those of the services that functions use most. */
const templates: Readonly<Record<string, readonly Grant[]>> = {
  SQSPollerPolicy: [
    grant(
      "sqs",
      "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes ReceiveMessage",
      arn("sqs", "${QueueName}"),
    ),
  ],
  SQSSendMessagePolicy: [grant("sqs", "SendMessage*", arn("sqs", "${QueueName}"))],
  LambdaInvokePolicy: [grant("lambda", "InvokeFunction", arn("lambda", "function:${FunctionName}*"))],
  CloudWatchPutMetricPolicy: [grant("cloudwatch", "PutMetricData", "*")],
  SNSPublishMessagePolicy: [grant("sns", "Publish", arn("sns", "${TopicName}"))],
  SNSCrudPolicy: [
    grant(
      "sns",
      "ListSubscriptionsByTopic CreateTopic SetTopicAttributes Subscribe Publish",
      arn("sns", "${TopicName}*"),
    ),
  ],
  DynamoDBCrudPolicy: [
    grant(
      "dynamodb",
      "GetItem DeleteItem PutItem Scan Query UpdateItem BatchWriteItem BatchGetItem DescribeTable ConditionCheckItem",
      ...table,
    ),
  ],
  DynamoDBReadPolicy: [grant("dynamodb", "GetItem Scan Query BatchGetItem DescribeTable", ...table)],
  DynamoDBWritePolicy: [grant("dynamodb", "PutItem UpdateItem BatchWriteItem", ...table)],
  DynamoDBReconfigurePolicy: [grant("dynamodb", "UpdateTable", arn("dynamodb", "table/${TableName}"))],
  DynamoDBStreamReadPolicy: [
    grant(
      "dynamodb",
      "DescribeStream GetRecords GetShardIterator",
      arn("dynamodb", "table/${TableName}/stream/${StreamName}"),
    ),
    grant("dynamodb", "ListStreams", arn("dynamodb", "table/${TableName}/stream/*")),
  ],
  KinesisStreamReadPolicy: [
    grant("kinesis", "ListStreams DescribeLimits", arn("kinesis", "stream/*")),
    grant(
      "kinesis",
      "DescribeStream DescribeStreamSummary GetRecords GetShardIterator",
      arn("kinesis", "stream/${StreamName}"),
    ),
  ],
  KinesisCrudPolicy: [
    grant(
      "kinesis",
      "AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream DescribeStream DescribeStreamSummary GetShardIterator IncreaseStreamRetentionPeriod ListTagsForStream MergeShards PutRecord PutRecords SplitShard RemoveTagsFromStream",
      arn("kinesis", "stream/${StreamName}"),
    ),
  ],
  S3CrudPolicy: [
    grant(
      "s3",
      `${s3Read} PutObject PutObjectAcl GetLifecycleConfiguration PutLifecycleConfiguration DeleteObject`,
      bucket,
      `${bucket}/*`,
    ),
  ],
  S3ReadPolicy: [grant("s3", `${s3Read} GetLifecycleConfiguration`, bucket, `${bucket}/*`)],
  S3WritePolicy: [grant("s3", "PutObject PutObjectAcl PutLifecycleConfiguration", bucket, `${bucket}/*`)],
  S3FullAccessPolicy: [
    grant(
      "s3",
      "GetObject GetObjectAcl GetObjectVersion PutObject PutObjectAcl DeleteObject DeleteObjectTagging DeleteObjectVersionTagging GetObjectTagging GetObjectVersionTagging PutObjectTagging PutObjectVersionTagging",
      `${bucket}/*`,
    ),
    grant("s3", "ListBucket GetBucketLocation GetLifecycleConfiguration PutLifecycleConfiguration", bucket),
  ],
  SSMParameterReadPolicy: [
    grant("ssm", "DescribeParameters", "*"),
    grant("ssm", parameters, arn("ssm", "parameter/${ParameterName}")),
  ],
  SSMParameterWithSlashPrefixReadPolicy: [
    grant("ssm", "DescribeParameters", "*"),
    grant("ssm", parameters, arn("ssm", "parameter${ParameterName}")),
  ],
  StepFunctionsExecutionPolicy: [grant("states", "StartExecution", arn("states", "stateMachine:${StateMachineName}"))],
  AWSSecretsManagerGetSecretValuePolicy: [grant("secretsmanager", "GetSecretValue", "${SecretArn}")],
  EventBridgePutEventsPolicy: [grant("events", "PutEvents", arn("events", "event-bus/${EventBusName}"))],
  FilterLogEventsPolicy: [grant("logs", "FilterLogEvents", arn("logs", "log-group:${LogGroupName}:log-stream:*"))],
  KMSDecryptPolicy: [grant("kms", "Decrypt", arn("kms", "key/${KeyId}"))],
  KMSEncryptPolicy: [grant("kms", "Encrypt", arn("kms", "key/${KeyId}"))],
  VPCAccessPolicy: [
    grant("ec2", "CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces DetachNetworkInterface", "*"),
  ],
  FirehoseWritePolicy: [
    grant("firehose", "PutRecord PutRecordBatch", arn("firehose", "deliverystream/${DeliveryStreamName}")),
  ],
  SESSendBouncePolicy: [grant("ses", "SendBounce", arn("ses", "identity/${IdentityName}"))],
  SESCrudPolicy: [
    grant(
      "ses",
      "GetIdentityVerificationAttributes SendEmail SendRawEmail VerifyEmailIdentity",
      arn("ses", "identity/${IdentityName}"),
    ),
  ],
};

/** The document of `{TemplateName: {Parameter: value}}`. Undefined: it is none of that form. Throws SamError for an unknown one. */
export function policyOf(id: string, policy: unknown): Mapping | undefined {
  if (!isMapping(policy)) return undefined;
  const [name, ...others] = Object.keys(policy);
  if (name === undefined || others.length > 0 || name === "Ref" || name.startsWith("Fn::")) return undefined;
  const grants = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (grants === undefined) {
    throw new SamError(
      id,
      `Policy template '${name}' is not one of those that there are: ${Object.keys(templates).join(", ")}`,
    );
  }
  const values = isMapping(policy[name]) ? policy[name] : {};
  const filled = (resource: string): unknown => {
    if (resource === "*") return resource;
    const names = [...resource.matchAll(/\$\{(\w+)\}/g)].map(([, parameter = ""]) => parameter);
    const missing = names.filter((parameter) => values[parameter] === undefined);
    if (missing.length > 0) throw new SamError(id, `Must specify valid parameter values for policy template '${name}'`);
    if (names.length === 0) return { "Fn::Sub": resource };
    const variable = (parameter: string): string => parameter.charAt(0).toLowerCase() + parameter.slice(1);
    const text = resource.replace(/\$\{(\w+)\}/g, (_, parameter: string) => `\${${variable(parameter)}}`);
    return { "Fn::Sub": [text, Object.fromEntries(names.map((name) => [variable(name), values[name]]))] };
  };
  return {
    Statement: grants.map(({ actions, resources }) => ({
      Effect: "Allow",
      Action: actions,
      Resource: resources.length === 1 ? filled(resources[0]!) : resources.map(filled),
    })),
  };
}
