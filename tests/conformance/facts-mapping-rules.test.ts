import assert from "node:assert/strict";
import { ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { type Fact, refused, testFacts } from "./facts.ts";
import { access, type Given, get, map, sources, trim, update } from "./mapping-facts.ts";

const invalid = "InvalidParameterValueException";
const tests = "localstack tests against AWS";

/** A request of which only the refusal is a fact. */
const refusal = (fact: string, source: string, given: () => Given, text: string | RegExp, code = invalid): Fact => ({
  fact,
  source,
  holds: async ({ client }) => {
    await refused(map(client, given()), code, text);
    const { EventSourceMappings } = await client.send(new ListEventSourceMappingsCommand({ MaxItems: 100 }));
    const { EventSourceArn } = given();
    assert.ok(
      !EventSourceMappings?.some((one) => EventSourceArn !== undefined && one.EventSourceArn === EventSourceArn),
    );
  },
});

const unsupported = (kind: keyof typeof sources, member: string, value: unknown, more: Given = {}): Fact =>
  refusal(
    `${kind} does not take ${member}`,
    "api: CreateEventSourceMapping; seen: Unsupported 'maximumBatchingWindowInSeconds' parameter for given event source mapping type. (terraform-provider-aws#17888)",
    () => ({ EventSourceArn: sources[kind](), ...more, [member]: value }),
    `Unsupported '${member.charAt(0).toLowerCase()}${member.slice(1)}' parameter for given event source mapping type.`,
  );

const refusals: readonly Fact[] = [
  refusal("a mapping needs a source", `seen: ${tests}`, () => ({}), "Unrecognized event source."),
  refusal(
    "a source must be one that Lambda reads",
    "seen: Unsupported source arn : … (terraform-provider-aws#19425)",
    () => ({ EventSourceArn: "arn:aws:s3:::bucket" }),
    "Unsupported source arn : arn:aws:s3:::bucket",
  ),
  refusal(
    "a table is no source, its stream is",
    "guide: Using AWS Lambda with Amazon DynamoDB",
    () => ({ EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/t", ...trim }),
    /^Unsupported source arn/,
  ),
  refusal(
    "the function must exist",
    `seen: ${tests}, create event source mapping`,
    () => ({ FunctionName: "nobody", EventSourceArn: sources.sqs() }),
    "Function does not exist",
  ),
  ...(["kinesis", "dynamodb"] as const).map((kind) =>
    refusal(
      `${kind} needs a starting position`,
      `seen: ${tests}, event source mapping exceptions`,
      () => ({ EventSourceArn: sources[kind]() }),
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    ),
  ),
  refusal(
    "a table's stream does not start at a moment",
    `seen: ${tests}, event source mapping exceptions`,
    () => ({
      EventSourceArn: sources.dynamodb(),
      StartingPosition: "AT_TIMESTAMP",
      StartingPositionTimestamp: new Date(1),
    }),
    /^Unsupported starting position for arn type: arn:aws:dynamodb:/,
  ),
  refusal(
    "AT_TIMESTAMP needs a moment",
    "seen: Need to specify a timestamp (aws-cloudformation-user-guide#334)",
    () => ({ EventSourceArn: sources.kinesis(), StartingPosition: "AT_TIMESTAMP" }),
    "Need to specify a timestamp",
  ),
  ...(["kinesis", "dynamodb"] as const).map((kind) =>
    refusal(
      `${kind}: a moment is for AT_TIMESTAMP`,
      `seen: ${tests}, starting position validation exceptions`,
      () => ({ EventSourceArn: sources[kind](), StartingPosition: "LATEST", StartingPositionTimestamp: new Date(1) }),
      "Timestamp only valid with StartingPosition AT_TIMESTAMP",
    ),
  ),
  refusal(
    "a moment is not before 1970",
    `seen: ${tests}, starting position validation exceptions`,
    () => ({
      EventSourceArn: sources.kinesis(),
      StartingPosition: "AT_TIMESTAMP",
      StartingPositionTimestamp: new Date(-1000),
    }),
    "Received Exception while reading from provided stream. class java.lang.Long can not be converted to a Timestamp",
  ),
  refusal(
    "a starting position is one of three",
    `seen: ${tests}, starting position validation exceptions`,
    () => ({ EventSourceArn: sources.kinesis(), StartingPosition: "0" as "LATEST" }),
    "1 validation error detected: Value '0' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
    "ValidationException",
  ),
  refusal(
    "a queue has no position to start at",
    `seen: ${tests}, starting position validation exceptions`,
    () => ({ EventSourceArn: sources.sqs(), StartingPosition: "LATEST" }),
    "StartingPosition is not valid for SQS event sources.",
  ),
  refusal(
    "the moment is not in the future",
    "api: StartingPositionTimestamp cannot be in the future; the text is a guess",
    () => ({
      EventSourceArn: sources.kinesis(),
      StartingPosition: "AT_TIMESTAMP",
      StartingPositionTimestamp: new Date(Date.now() + 3_600_000),
    }),
    /future/,
  ),
  refusal(
    "a queue gathers more than 10 messages only over a window",
    `seen: ${tests}, sqs event source mapping batch size`,
    () => ({ EventSourceArn: sources.sqs(), BatchSize: 11 }),
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
  ),
  refusal(
    "a FIFO queue gives batches of 10 at most",
    "api: CreateEventSourceMapping, BatchSize; the text is a guess",
    () => ({ EventSourceArn: sources.fifo(), BatchSize: 11 }),
    /^Maximum batch size/,
  ),
  refusal(
    "a FIFO queue has no window",
    "guide: Configuring SQS batching (batching windows are not supported for FIFO queues)",
    () => ({ EventSourceArn: sources.fifo(), MaximumBatchingWindowInSeconds: 1 }),
    "Batching window is not supported for FIFO queues.",
  ),
  refusal(
    "batches are 10,000 at most",
    "model: BatchSize",
    () => ({ EventSourceArn: sources.kinesis(), ...trim, BatchSize: 10_001 }),
    "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000",
    "ValidationException",
  ),
  refusal(
    "successes have no destination",
    `seen: ${tests}, event source mapping exceptions`,
    () => ({
      EventSourceArn: sources.kinesis(),
      ...trim,
      DestinationConfig: { OnSuccess: { Destination: sources.sqs() } },
    }),
    "Unsupported DestinationConfig parameter for given event source mapping type.",
  ),
  refusal(
    "self-managed Kafka needs a way in",
    `seen: ${tests}, self managed event source mapping`,
    () => ({ SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ["a.example:9092"] } }, Topics: ["t1"] }),
    "Required 'sourceAccessConfigurations' parameter is missing.",
  ),
  refusal(
    "Kafka needs a topic",
    "api: CreateEventSourceMapping, Topics; the text is a guess",
    () => ({ EventSourceArn: sources.msk() }),
    "Required 'topics' parameter is missing.",
  ),
  refusal(
    "ages of records are infinite or a minute at least",
    "guide: Kinesis parameters (MaximumRecordAgeInSeconds: -1, or 60 to 604,800); the text is a guess",
    () => ({ EventSourceArn: sources.kinesis(), ...trim, MaximumRecordAgeInSeconds: 59 }),
    /60/,
  ),
  ...[
    "",
    "{",
    "[]",
    '{"a":"b"}',
    '{"a":[]}',
    '{"a":[{"unknown":1}]}',
    '{"a":[{"numeric":["~",1]}]}',
    '{"a":[["b"]]}',
  ].map((Pattern) =>
    refusal(
      `${JSON.stringify(Pattern)} is no filter`,
      `seen: ${tests}, invalid event filter; guide: Filter rule syntax`,
      () => ({ EventSourceArn: sources.sqs(), FilterCriteria: { Filters: [{ Pattern }] } }),
      "Invalid filter pattern definition.",
    ),
  ),
  unsupported("sqs", "ParallelizationFactor", 2),
  unsupported("sqs", "BisectBatchOnFunctionError", true),
  unsupported("sqs", "TumblingWindowInSeconds", 1),
  unsupported("sqs", "MaximumRetryAttempts", 1),
  unsupported("sqs", "Topics", ["t1"]),
  unsupported("kinesis", "ScalingConfig", { MaximumConcurrency: 2 }, trim),
  unsupported("kinesis", "Queues", ["q"], trim),
  unsupported("kinesis", "ProvisionedPollerConfig", { MinimumPollers: 1 }, trim),
  unsupported("msk", "ParallelizationFactor", 2, { Topics: ["t1"] }),
  unsupported("msk", "TumblingWindowInSeconds", 2, { Topics: ["t1"] }),
  unsupported("mq", "FunctionResponseTypes", ["ReportBatchItemFailures"], {
    Queues: ["q"],
    SourceAccessConfigurations: access,
  }),
  {
    fact: "an update is held to the same rules, and a refused one changes nothing",
    source: "api: UpdateEventSourceMapping",
    async holds({ client }) {
      const { UUID } = await map(client, { EventSourceArn: sources.sqs() });
      await refused(update(client, UUID!, { BatchSize: 100 }), invalid, /^Maximum batch window/);
      await refused(
        update(client, UUID!, { ParallelizationFactor: 2 }),
        invalid,
        /^Unsupported 'parallelizationFactor'/,
      );
      await refused(update(client, UUID!, { FunctionName: "nobody" }), invalid, "Function does not exist");
      assert.equal((await get(client, UUID!)).BatchSize, 10);
      const both = await update(client, UUID!, { BatchSize: 100, MaximumBatchingWindowInSeconds: 1 });
      assert.equal(both.BatchSize, 100);
    },
  },
  {
    fact: "filters of every rule are taken",
    source: "guide: Filter rule syntax",
    async holds({ client }) {
      const patterns = [
        { body: { a: [null, "", 1, true] } },
        { body: { a: [{ "anything-but": ["x"] }], b: [{ prefix: "p" }], c: [{ suffix: "s" }] } },
        { body: { a: [{ numeric: [">", 0, "<=", 5] }], b: [{ exists: false }], c: [{ "equals-ignore-case": "X" }] } },
        { $or: [{ a: ["b"] }, { c: ["d"] }] },
      ];
      const Filters = patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) }));
      const made = await map(client, { EventSourceArn: sources.sqs(), FilterCriteria: { Filters } });
      assert.deepEqual(made.FilterCriteria, { Filters });
    },
  },
  {
    fact: "pollers of a queue are 2 to 10,000, of Kafka 1 to 2,000",
    source: "api: ProvisionedPollerConfig; the texts are a guess",
    async holds({ client }) {
      const poll = (kind: "sqs" | "msk", MinimumPollers: number, MaximumPollers: number) =>
        map(client, {
          EventSourceArn: sources[kind](),
          ...(kind === "msk" ? { Topics: ["t1"] } : {}),
          ProvisionedPollerConfig: { MinimumPollers, MaximumPollers },
        });
      await refused(poll("sqs", 1, 10), invalid);
      await refused(poll("msk", 1, 2001), invalid);
      await refused(poll("msk", 9, 8), invalid);
      assert.deepEqual((await poll("sqs", 2, 10_000)).ProvisionedPollerConfig, {
        MinimumPollers: 2,
        MaximumPollers: 10_000,
      });
    },
  },
];

testFacts([...refusals]);
