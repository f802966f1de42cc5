import { isMapping, type Mapping } from "../../templates/index.ts";
import { cors, notifications, type XmlTree, xmlText } from "./bucket-documents.ts";
import { isTaken, ServiceFailure } from "./calls.ts";
import {
  type Changing,
  documentText,
  gone,
  type Handler,
  type Handlers,
  pairsOf,
  tagList,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

const listOf = (value: unknown): Mapping[] => (Array.isArray(value) ? value.filter(isMapping) : []);

function put(work: Work, bucket: string, subresource: string, root: string, tree: XmlTree) {
  const body = `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${xmlText(tree)}</${root}>`;
  return work.calls.raw({
    service: "s3",
    method: "PUT",
    path: `/${bucket}?${subresource}`,
    headers: { "content-type": "application/xml" },
    body,
  });
}

/** What a bucket has of its own documents, set where it differs from before. */
async function describe(work: Work, bucket: string, before: Mapping): Promise<void> {
  const { properties, calls } = work;
  const differs = (name: string) => JSON.stringify(properties[name]) !== JSON.stringify(before[name]);
  if (differs("VersioningConfiguration")) {
    const { Status = "Suspended" } = isMapping(properties.VersioningConfiguration)
      ? properties.VersioningConfiguration
      : {};
    await put(work, bucket, "versioning", "VersioningConfiguration", { Status: text(Status) });
  }
  if (differs("NotificationConfiguration")) {
    const wished = isMapping(properties.NotificationConfiguration) ? properties.NotificationConfiguration : {};
    await put(work, bucket, "notification", "NotificationConfiguration", notifications(wished));
  }
  if (differs("CorsConfiguration")) {
    const rules = isMapping(properties.CorsConfiguration) ? listOf(properties.CorsConfiguration.CorsRules) : [];
    if (rules.length > 0) await put(work, bucket, "cors", "CORSConfiguration", cors(rules));
    else await calls.raw({ service: "s3", method: "DELETE", path: `/${bucket}?cors` });
  }
  const tags = tagsOf(work);
  if (Object.keys(tags).length > 0) {
    await put(work, bucket, "tagging", "Tagging", { TagSet: { Tag: tagList(tags) } });
  } else if (gone(pairsOf(before.Tags), tags).length > 0) {
    await calls.raw({ service: "s3", method: "DELETE", path: `/${bucket}?tagging` });
  }
}

const bucketMade = ({ stack }: Work, name: string) => ({
  physicalId: name,
  attributes: {
    Arn: `arn:aws:s3:::${name}`,
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${stack.region}.amazonaws.com`,
    DualStackDomainName: `${name}.s3.dualstack.${stack.region}.amazonaws.com`,
    WebsiteURL: `http://${name}.s3-website-${stack.region}.amazonaws.com`,
  },
});

const bucket: Handler = {
  replaces: ["BucketName"],
  name: { property: "BucketName", most: 63, lower: true },
  async create(work) {
    const name = text(work.properties.BucketName) || work.name;
    const { region } = work.stack;
    const where = `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
    try {
      await work.calls.raw({
        service: "s3",
        method: "PUT",
        path: `/${name}`,
        body: region === "us-east-1" ? "" : where,
      });
    } catch (error) {
      if (!(work.again && work.properties.BucketName === undefined && isTaken(error))) throw error;
    }
    work.exists({ physicalId: name });
    await describe(work, name, {});
    return bucketMade(work, name);
  },
  async update(work: Changing) {
    await describe(work, work.physicalId, work.before);
    return bucketMade(work, work.physicalId);
  },
  async delete({ calls, physicalId }) {
    await calls.raw({ service: "s3", method: "DELETE", path: `/${physicalId}` });
  },
};

async function putBucketPolicy({ calls, properties }: Work): Promise<void> {
  const path = `/${text(properties.Bucket)}?policy`;
  await calls.raw({ service: "s3", method: "PUT", path, body: documentText(properties.PolicyDocument) });
}

const bucketPolicy: Handler = {
  replaces: ["Bucket"],
  async create(work) {
    await putBucketPolicy(work);
    return { physicalId: text(work.properties.Bucket) };
  },
  async update(work) {
    await putBucketPolicy(work);
    return {};
  },
  async delete({ calls, physicalId }) {
    await calls.raw({ service: "s3", method: "DELETE", path: `/${physicalId}?policy` });
  },
};

const dynamo = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("dynamodb", `DynamoDB_20120810.${operation}`, input, "1.0");

async function tableReady(work: Work, TableName: string): Promise<Mapping> {
  return work.until(`table ${TableName}`, async () => {
    const { Table } = await dynamo(work, "DescribeTable", { TableName });
    return isMapping(Table) && Table.TableStatus === "ACTIVE" ? Table : undefined;
  });
}

function tableInput({ properties }: Work): Mapping {
  const { StreamSpecification, ...rest } = without(
    properties,
    "Tags",
    "TableName",
    "TimeToLiveSpecification",
    "PointInTimeRecoverySpecification",
    "ContributorInsightsSpecification",
    "KinesisStreamSpecification",
    "ImportSourceSpecification",
    "ResourcePolicy",
    "SSESpecification",
  );
  return isMapping(StreamSpecification)
    ? { ...rest, StreamSpecification: { StreamEnabled: true, StreamViewType: StreamSpecification.StreamViewType } }
    : rest;
}

const tableMade = (name: string, { TableArn, LatestStreamArn }: Mapping) => ({
  physicalId: name,
  attributes: without({ Arn: TableArn, StreamArn: LatestStreamArn }),
});

/** By which attribute items end, set where it differs from before. */
async function expire(work: Work, TableName: string, before: Mapping): Promise<void> {
  const wished = work.properties.TimeToLiveSpecification;
  const had = before.TimeToLiveSpecification;
  if (JSON.stringify(wished) === JSON.stringify(had)) return;
  const TimeToLiveSpecification = wished ?? { ...(isMapping(had) ? had : {}), Enabled: false };
  await dynamo(work, "UpdateTimeToLive", { TableName, TimeToLiveSpecification });
}

const table: Handler = {
  replaces: ["TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"],
  name: { property: "TableName", most: 255 },
  async create(work) {
    const TableName = text(work.properties.TableName) || work.name;
    try {
      await dynamo(work, "CreateTable", { TableName, ...tableInput(work), Tags: tagList(tagsOf(work)) });
    } catch (error) {
      const taken = error instanceof ServiceFailure && error.code === "ResourceInUseException";
      if (!(work.again && taken)) throw error;
    }
    work.exists({ physicalId: TableName });
    const made = await tableReady(work, TableName);
    await expire(work, TableName, {});
    return tableMade(TableName, made);
  },
  async update(work) {
    const TableName = work.physicalId;
    const { BillingMode, ProvisionedThroughput, AttributeDefinitions, StreamSpecification } = tableInput(work);
    const before = tableInput({ ...work, properties: work.before });
    const input = without({
      BillingMode: BillingMode === before.BillingMode ? undefined : (BillingMode ?? "PROVISIONED"),
      ProvisionedThroughput:
        JSON.stringify(ProvisionedThroughput) === JSON.stringify(before.ProvisionedThroughput)
          ? undefined
          : ProvisionedThroughput,
      StreamSpecification:
        JSON.stringify(StreamSpecification) === JSON.stringify(before.StreamSpecification)
          ? undefined
          : (StreamSpecification ?? { StreamEnabled: false }),
    });
    if (Object.keys(input).length > 0) await dynamo(work, "UpdateTable", { TableName, ...input });
    await tableReady(work, TableName);
    const had = listOf(work.before.GlobalSecondaryIndexes);
    const wished = listOf(work.properties.GlobalSecondaryIndexes);
    // One index at a time: that is all a table takes.
    for (const { IndexName } of had.filter(({ IndexName }) => !wished.some((each) => each.IndexName === IndexName))) {
      await dynamo(work, "UpdateTable", { TableName, GlobalSecondaryIndexUpdates: [{ Delete: { IndexName } }] });
      await tableReady(work, TableName);
    }
    for (const index of wished.filter(({ IndexName }) => !had.some((each) => each.IndexName === IndexName))) {
      await dynamo(work, "UpdateTable", {
        TableName,
        AttributeDefinitions,
        GlobalSecondaryIndexUpdates: [{ Create: index }],
      });
      await tableReady(work, TableName);
    }
    await expire(work, TableName, work.before);
    return tableMade(TableName, await tableReady(work, TableName));
  },
  async delete(work) {
    await dynamo(work, "DeleteTable", { TableName: work.physicalId });
  },
};

const kinesis = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("kinesis", `Kinesis_20131202.${operation}`, input);

async function streamReady(work: Work, StreamName: string): Promise<Mapping> {
  return work.until(`stream ${StreamName}`, async () => {
    const { StreamDescriptionSummary } = await kinesis(work, "DescribeStreamSummary", { StreamName });
    return isMapping(StreamDescriptionSummary) && StreamDescriptionSummary.StreamStatus === "ACTIVE"
      ? StreamDescriptionSummary
      : undefined;
  });
}

const stream: Handler = {
  replaces: ["Name"],
  name: { property: "Name", most: 128 },
  async create(work) {
    const StreamName = text(work.properties.Name) || work.name;
    const { ShardCount, StreamModeDetails, RetentionPeriodHours } = work.properties;
    const onDemand = isMapping(StreamModeDetails) && StreamModeDetails.StreamMode === "ON_DEMAND";
    try {
      await kinesis(
        work,
        "CreateStream",
        without({ StreamName, ShardCount: onDemand ? undefined : (ShardCount ?? 1), StreamModeDetails }),
      );
    } catch (error) {
      if (!(work.again && error instanceof ServiceFailure && error.code === "ResourceInUseException")) throw error;
    }
    work.exists({ physicalId: StreamName });
    const { StreamARN } = await streamReady(work, StreamName);
    if (Number(RetentionPeriodHours ?? 24) > 24) {
      await kinesis(work, "IncreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours });
      await streamReady(work, StreamName);
    }
    return { physicalId: StreamName, attributes: { Arn: StreamARN } };
  },
  async update(work) {
    const StreamName = work.physicalId;
    const { ShardCount, RetentionPeriodHours = 24 } = work.properties;
    const before = Number(work.before.RetentionPeriodHours ?? 24);
    if (ShardCount !== undefined && ShardCount !== work.before.ShardCount) {
      await kinesis(work, "UpdateShardCount", {
        StreamName,
        TargetShardCount: ShardCount,
        ScalingType: "UNIFORM_SCALING",
      });
      await streamReady(work, StreamName);
    }
    if (Number(RetentionPeriodHours) !== before) {
      const operation = Number(RetentionPeriodHours) > before ? "Increase" : "Decrease";
      await kinesis(work, `${operation}StreamRetentionPeriod`, { StreamName, RetentionPeriodHours });
      await streamReady(work, StreamName);
    }
    return {};
  },
  async delete(work) {
    await kinesis(work, "DeleteStream", { StreamName: work.physicalId, EnforceConsumerDeletion: true });
  },
};

const ecr = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("ecr", `AmazonEC2ContainerRegistry_V20150921.${operation}`, input);

async function describeRepository(work: Work, repositoryName: string, before: Mapping): Promise<void> {
  const { RepositoryPolicyText, LifecyclePolicy, ImageTagMutability } = work.properties;
  if (RepositoryPolicyText !== undefined) {
    await ecr(work, "SetRepositoryPolicy", { repositoryName, policyText: documentText(RepositoryPolicyText) });
  }
  const lifecyclePolicyText = isMapping(LifecyclePolicy) ? LifecyclePolicy.LifecyclePolicyText : undefined;
  if (lifecyclePolicyText !== undefined) await ecr(work, "PutLifecyclePolicy", { repositoryName, lifecyclePolicyText });
  if (ImageTagMutability !== before.ImageTagMutability) {
    await ecr(work, "PutImageTagMutability", { repositoryName, imageTagMutability: ImageTagMutability ?? "MUTABLE" });
  }
}

const repository: Handler = {
  replaces: ["RepositoryName", "EncryptionConfiguration"],
  name: { property: "RepositoryName", most: 256, lower: true },
  async create(work) {
    const repositoryName = text(work.properties.RepositoryName) || work.name;
    const { ImageTagMutability: imageTagMutability, ImageScanningConfiguration: scanning } = work.properties;
    const input = without({
      repositoryName,
      imageTagMutability,
      imageScanningConfiguration: isMapping(scanning) ? { scanOnPush: scanning.ScanOnPush } : undefined,
      tags: tagList(tagsOf(work)),
    });
    const answer = await ecr(work, "CreateRepository", input).catch(async (error) => {
      if (!(work.again && isTaken(error))) throw error;
      const { repositories } = await ecr(work, "DescribeRepositories", { repositoryNames: [repositoryName] });
      return { repository: listOf(repositories)[0] };
    });
    await describeRepository(work, repositoryName, { ImageTagMutability: imageTagMutability });
    const { repositoryArn, repositoryUri } = isMapping(answer.repository) ? answer.repository : {};
    return { physicalId: repositoryName, attributes: { Arn: repositoryArn, RepositoryUri: repositoryUri } };
  },
  async update(work) {
    await describeRepository(work, work.physicalId, work.before);
    return {};
  },
  async delete(work) {
    await ecr(work, "DeleteRepository", {
      repositoryName: work.physicalId,
      force: work.properties.EmptyOnDelete === true,
    });
  },
};

export const storageHandlers: Handlers = {
  "AWS::S3::Bucket": bucket,
  "AWS::S3::BucketPolicy": bucketPolicy,
  "AWS::DynamoDB::Table": table,
  "AWS::Kinesis::Stream": stream,
  "AWS::ECR::Repository": repository,
};
