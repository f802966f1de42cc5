// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${Name} is CloudFormation's own syntax
import type { Mapping } from "../document.ts";
import {
  conditionOf,
  given,
  isTrue,
  listOf,
  mappingOf,
  picked,
  type SamContext,
  SamError,
  type SamResource,
} from "./context.ts";
import { trustOf } from "./role.ts";
import { apiEvent, httpEvent } from "./routes.ts";

/** What a function's events stand for. */
export interface Target {
  /** Ref of the function or its alias */
  readonly ref: Mapping;
  /** what an integration's URI names: `Hello.Arn`, `HelloAliaslive` */
  readonly uri: string;
}

export interface EventRights {
  /** names of managed policies that the function's role needs */
  readonly managed: readonly string[];
  readonly inline: readonly { readonly PolicyName: string; readonly PolicyDocument: unknown }[];
}

/** One event of a function. */
export interface SamEvent {
  readonly owner: SamResource;
  /** `HelloQueue` */
  readonly id: string;
  readonly name: string;
  readonly properties: Mapping;
  readonly target: Target;
}

type Transform = (context: SamContext, event: SamEvent) => Partial<EventRights> | undefined;

/** Adds what the events of a function become; gives the rights that its role needs for them. */
export function eventsOf(context: SamContext, owner: SamResource, target: Target): EventRights {
  const managed = new Set<string>();
  const inline: EventRights["inline"][number][] = [];
  for (const [name, event] of Object.entries(mappingOf(owner.properties.Events))) {
    const { Type, Properties } = mappingOf(event);
    const transform = Object.hasOwn(events, String(Type)) ? events[String(Type)] : undefined;
    if (transform === undefined) {
      const known = Object.keys(events).join(", ");
      throw new SamError(owner.id, `Event with id [${name}] is invalid. Type ${Type} is not one of ${known}`);
    }
    const rights = transform(context, { owner, id: owner.id + name, name, properties: mappingOf(Properties), target });
    for (const policy of rights?.managed ?? []) managed.add(policy);
    inline.push(...(rights?.inline ?? []));
  }
  return { managed: [...managed], inline };
}

const mappingSettings =
  "BatchSize Enabled MaximumBatchingWindowInSeconds FilterCriteria KmsKeyArn FunctionResponseTypes StartingPosition StartingPositionTimestamp BisectBatchOnFunctionError MaximumRecordAgeInSeconds MaximumRetryAttempts ParallelizationFactor TumblingWindowInSeconds Topics Queues SourceAccessConfigurations ScalingConfig ProvisionedPollerConfig MetricsConfig LoggingConfig".split(
    " ",
  );

/** Something that Lambda polls: an event source mapping, and the right to read there. */
function polled(
  arnName: string,
  policy: string | undefined,
  more: (event: SamEvent) => Mapping = () => ({}),
): Transform {
  return (context, event) => {
    const { id, owner, properties, target } = event;
    const arn = properties[arnName];
    if (arn === undefined) throw invalid(event, `No ${arnName} (for SQS, Queue) provided.`);
    const { Destination } = mappingOf(mappingOf(properties.DestinationConfig).OnFailure);
    const settings = given({
      ...picked(properties, mappingSettings),
      ...more(event),
      DestinationConfig: Destination === undefined ? undefined : { OnFailure: { Destination } },
      EventSourceArn: arn,
      FunctionName: target.ref,
    });
    context.add(id, "AWS::Lambda::EventSourceMapping", settings, conditionOf(owner.body));
    const failures = Destination === undefined ? undefined : failureRights(event, Destination);
    return { managed: policy === undefined ? [] : [policy], inline: failures === undefined ? [] : [failures] };
  };
}

function failureRights({ id, properties }: SamEvent, destination: unknown) {
  const { Type } = mappingOf(mappingOf(properties.DestinationConfig).OnFailure);
  const action = Type === "SNS" ? "sns:publish" : Type === "S3" ? "s3:PutObject" : "sqs:SendMessage";
  const Statement = [{ Action: action, Effect: "Allow", Resource: destination }];
  return { PolicyName: `${id}DestinationPolicy`, PolicyDocument: { Statement } };
}

const kafkaSettings = ({ properties }: SamEvent): Mapping =>
  properties.ConsumerGroupId === undefined
    ? {}
    : {
        AmazonManagedKafkaEventSourceConfig: given({
          ConsumerGroupId: properties.ConsumerGroupId,
          SchemaRegistryConfig: properties.SchemaRegistryConfig,
        }),
      };

function selfManagedKafka(context: SamContext, event: SamEvent): undefined {
  const { id, owner, properties, target } = event;
  const servers = properties.KafkaBootstrapServers;
  if (servers === undefined)
    throw invalid(event, "No KafkaBootstrapServers provided for self managed kafka as an event source");
  const settings = given({
    ...picked(properties, mappingSettings),
    SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: servers } },
    SelfManagedKafkaEventSourceConfig:
      properties.ConsumerGroupId === undefined ? undefined : { ConsumerGroupId: properties.ConsumerGroupId },
    FunctionName: target.ref,
  });
  context.add(id, "AWS::Lambda::EventSourceMapping", settings, conditionOf(owner.body));
}

function permit(context: SamContext, event: SamEvent, principal: string, rest: Mapping): void {
  const { id, owner, target } = event;
  const settings = { Action: "lambda:InvokeFunction", FunctionName: target.ref, Principal: principal, ...rest };
  context.add(`${id}Permission`, "AWS::Lambda::Permission", settings, conditionOf(owner.body));
}

function topic(context: SamContext, event: SamEvent): undefined {
  const { id, owner, properties, target } = event;
  const { Topic, SqsSubscription } = properties;
  if (Topic === undefined) throw invalid(event, "Missing required property 'Topic'.");
  const condition = conditionOf(owner.body);
  const filter = picked(properties, ["FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "Region"]);
  const subscribe = (Protocol: string, Endpoint: unknown) =>
    context.add(id, "AWS::SNS::Subscription", { Endpoint, Protocol, TopicArn: Topic, ...filter }, condition);
  if (SqsSubscription === undefined || SqsSubscription === false) {
    subscribe("lambda", target.ref);
    return permit(context, event, "sns.amazonaws.com", { SourceArn: Topic }) as undefined;
  }
  const own = mappingOf(SqsSubscription);
  const queue = `${id}Queue`;
  if (own.QueueArn === undefined) context.add(queue, "AWS::SQS::Queue", {}, condition);
  const arn = own.QueueArn ?? { "Fn::GetAtt": [queue, "Arn"] };
  const Statement = [
    {
      Action: "sqs:SendMessage",
      Effect: "Allow",
      Principal: "*",
      Resource: arn,
      Condition: { ArnEquals: { "aws:SourceArn": Topic } },
    },
  ];
  const Queues = [own.QueueUrl ?? { Ref: queue }];
  const policy = own.QueuePolicyLogicalId;
  context.add(
    typeof policy === "string" ? policy : `${id}QueuePolicy`,
    "AWS::SQS::QueuePolicy",
    { PolicyDocument: { Version: "2012-10-17", Statement }, Queues },
    condition,
  );
  subscribe("sqs", arn);
  const settings = {
    BatchSize: own.BatchSize ?? 10,
    Enabled: own.Enabled ?? true,
    EventSourceArn: arn,
    FunctionName: target.ref,
  };
  context.add(`${id}EventSourceMapping`, "AWS::Lambda::EventSourceMapping", settings, condition);
  return undefined;
}

/** The bucket has to be in the same template: it is there that notifications are set. */
function bucket(context: SamContext, event: SamEvent): undefined {
  const { id, properties, target } = event;
  const name = mappingOf(properties.Bucket).Ref;
  const found = typeof name === "string" ? mappingOf(context.resources[name] ?? context.source[name]) : {};
  if (typeof name !== "string" || found.Type !== "AWS::S3::Bucket") {
    throw invalid(event, "S3 events must reference an S3 bucket in the same template.");
  }
  permit(context, event, "s3.amazonaws.com", { SourceAccount: { Ref: "AWS::AccountId" } });
  const settings = mappingOf(found.Properties);
  const notifications = mappingOf(settings.NotificationConfiguration);
  const added = listOf(properties.Events).map((Event) =>
    given({ Event, Function: target.ref, Filter: properties.Filter }),
  );
  const LambdaConfigurations = [...listOf(notifications.LambdaConfigurations), ...added];
  context.add(
    name,
    "AWS::S3::Bucket",
    { ...settings, NotificationConfiguration: { ...notifications, LambdaConfigurations } },
    {
      ...Object.fromEntries(Object.entries(found).filter(([key]) => key !== "Type" && key !== "Properties")),
      DependsOn: [...listOf(found.DependsOn), `${id}Permission`],
    },
  );
  return undefined;
}

const ruleTarget = ({ id, properties, target }: SamEvent, suffix = "LambdaTarget"): Mapping =>
  given({
    Arn: target.ref,
    Id: mappingOf(properties.Target).Id ?? `${id}${suffix}`,
    ...picked(properties, ["Input", "InputPath", "InputTransformer", "RetryPolicy"]),
    DeadLetterConfig: deadLetterOf(properties.DeadLetterConfig),
  });

const deadLetterOf = (config: unknown): Mapping | undefined => {
  const { Arn } = mappingOf(config);
  return Arn === undefined ? undefined : { Arn };
};

const stateOf = ({ State, Enabled }: Mapping): unknown =>
  State ?? (Enabled === undefined ? undefined : isTrue(Enabled) ? "ENABLED" : "DISABLED");

function rule(context: SamContext, event: SamEvent): undefined {
  const { id, owner, properties } = event;
  const settings = given({
    Name: properties.Name ?? properties.RuleName,
    Description: properties.Description,
    EventBusName: properties.EventBusName,
    EventPattern: properties.Pattern,
    ScheduleExpression: properties.Schedule,
    State: stateOf(properties),
    Targets: [ruleTarget(event)],
  });
  context.add(id, "AWS::Events::Rule", settings, conditionOf(owner.body));
  permit(context, event, "events.amazonaws.com", { SourceArn: { "Fn::GetAtt": [id, "Arn"] } });
  return undefined;
}

const scheduleSettings =
  "ScheduleExpression ScheduleExpressionTimezone StartDate EndDate GroupName KmsKeyArn Description State".split(" ");

function schedule(context: SamContext, event: SamEvent): undefined {
  const { id, owner, properties, target } = event;
  const condition = conditionOf(owner.body);
  let role = properties.RoleArn;
  if (role === undefined) {
    role = { "Fn::GetAtt": [`${id}Role`, "Arn"] };
    const Statement = [{ Action: "lambda:InvokeFunction", Effect: "Allow", Resource: target.ref }];
    const policies = [{ PolicyName: `${id}LambdaPolicy`, PolicyDocument: { Statement } }];
    const settings = given({
      AssumeRolePolicyDocument: trustOf("scheduler.amazonaws.com"),
      Policies: policies,
      PermissionsBoundary: properties.PermissionsBoundary,
    });
    context.add(`${id}Role`, "AWS::IAM::Role", settings, condition);
  }
  const settings = given({
    ...picked(properties, scheduleSettings),
    FlexibleTimeWindow: properties.FlexibleTimeWindow ?? { Mode: "OFF" },
    Name: isTrue(properties.OmitName) ? undefined : (properties.Name ?? id),
    Target: given({
      Arn: target.ref,
      RoleArn: role,
      ...picked(properties, ["Input", "RetryPolicy"]),
      DeadLetterConfig: deadLetterOf(properties.DeadLetterConfig),
    }),
  });
  context.add(id, "AWS::Scheduler::Schedule", settings, condition);
  return undefined;
}

function logs(context: SamContext, event: SamEvent): undefined {
  const { id, owner, properties, target } = event;
  const group = properties.LogGroupName;
  if (group === undefined) throw invalid(event, "Missing required property 'LogGroupName'.");
  const arn = "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*";
  permit(context, event, "logs.amazonaws.com", { SourceArn: { "Fn::Sub": [arn, { __LogGroupName__: group }] } });
  const settings = { LogGroupName: group, FilterPattern: properties.FilterPattern ?? "", DestinationArn: target.ref };
  const rest = { DependsOn: [`${id}Permission`], ...conditionOf(owner.body) };
  context.add(id, "AWS::Logs::SubscriptionFilter", settings, rest);
  return undefined;
}

function mq(context: SamContext, event: SamEvent): Partial<EventRights> {
  polled("Broker", undefined)(context, event);
  const { properties } = event;
  const secrets = listOf(properties.SourceAccessConfigurations)
    .map(mappingOf)
    .filter(({ Type }) => Type === "BASIC_AUTH");
  const Statement = [
    ...secrets.map(({ URI }) => ({ Action: ["secretsmanager:GetSecretValue"], Effect: "Allow", Resource: URI })),
    { Action: ["mq:DescribeBroker"], Effect: "Allow", Resource: properties.Broker },
  ];
  return { inline: [{ PolicyName: "SamAutoGeneratedAMQPolicy", PolicyDocument: { Statement } }] };
}

const invalid = ({ owner, name }: SamEvent, message: string): SamError =>
  new SamError(owner.id, `Event with id [${name}] is invalid. ${message}`);

/** Source: AWS SAM Developer Guide, AWS::Serverless::Function, "EventSource". */
const events: Readonly<Record<string, Transform>> = {
  Api: apiEvent,
  HttpApi: httpEvent,
  SQS: polled("Queue", "AWSLambdaSQSQueueExecutionRole"),
  Kinesis: polled("Stream", "AWSLambdaKinesisExecutionRole"),
  DynamoDB: polled("Stream", "AWSLambdaDynamoDBExecutionRole"),
  MSK: polled("Stream", "AWSLambdaMSKExecutionRole", kafkaSettings),
  MQ: mq,
  SelfManagedKafka: selfManagedKafka,
  SNS: topic,
  S3: bucket,
  Schedule: rule,
  ScheduleV2: schedule,
  EventBridgeRule: rule,
  CloudWatchEvent: rule,
  CloudWatchLogs: logs,
};
