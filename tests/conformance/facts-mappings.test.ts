import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  ListEventSourceMappingsCommand,
  ListTagsCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-lambda";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf } from "./facts-functions.ts";
import { access, get, map, sources, trim, update } from "./mapping-facts.ts";

const tests = "localstack tests against AWS";

const shapes: readonly Fact[] = [
  {
    fact: "a mapping of a queue is described like this",
    source: `seen: ${tests}, sqs event source mapping`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const EventSourceArn = sources.sqs();
      const made = await map(client, { FunctionName: name, EventSourceArn });
      const { $metadata, UUID, LastModified, StateTransitionReason, ...rest } = made;
      assert.equal($metadata.httpStatusCode, 202);
      assert.match(UUID!, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
      assert.ok(Math.abs(LastModified!.getTime() - Date.now()) < 60_000);
      assert.match(StateTransitionReason!, /^USER_INITIATED/);
      assert.deepEqual(rest, {
        BatchSize: 10,
        EventSourceArn,
        EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${UUID}`,
        FunctionArn: arnOf(name),
        FunctionResponseTypes: [],
        MaximumBatchingWindowInSeconds: 0,
        State: "Creating",
      });
    },
  },
  {
    fact: "a mapping of a stream is described like this",
    source: `seen: ${tests}, kinesis event source mapping`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const EventSourceArn = sources.kinesis();
      const made = await map(client, { FunctionName: name, EventSourceArn, ...trim });
      const { $metadata: _, UUID: _uuid, LastModified: _last, EventSourceMappingArn: _arn, ...rest } = made;
      const { StateTransitionReason, ...shown } = rest;
      assert.match(StateTransitionReason!, /^User action/);
      assert.deepEqual(shown, {
        BatchSize: 100,
        BisectBatchOnFunctionError: false,
        DestinationConfig: { OnFailure: {} },
        EventSourceArn,
        FunctionArn: arnOf(name),
        FunctionResponseTypes: [],
        LastProcessingResult: "No records processed",
        MaximumBatchingWindowInSeconds: 0,
        MaximumRecordAgeInSeconds: -1,
        MaximumRetryAttempts: -1,
        ParallelizationFactor: 1,
        StartingPosition: "TRIM_HORIZON",
        State: "Creating",
        TumblingWindowInSeconds: 0,
      });
    },
  },
  {
    fact: "a table's stream has the defaults of a stream",
    source: "api: CreateEventSourceMapping",
    async holds({ client }) {
      const made = await map(client, { EventSourceArn: sources.dynamodb(), StartingPosition: "LATEST" });
      assert.equal(made.BatchSize, 100);
      assert.equal(made.ParallelizationFactor, 1);
      assert.equal(made.MaximumRetryAttempts, -1);
    },
  },
  {
    fact: "Kafka has batches of 100, no window to show, and its UUID as consumer group",
    source: "guide: Amazon MSK event source mapping configuration parameters",
    async holds({ client }) {
      const made = await map(client, { EventSourceArn: sources.msk(), Topics: ["t1"], ...trim });
      assert.equal(made.BatchSize, 100);
      assert.equal(made.MaximumBatchingWindowInSeconds, undefined);
      assert.deepEqual(made.AmazonManagedKafkaEventSourceConfig, { ConsumerGroupId: made.UUID });
      assert.deepEqual(made.Topics, ["t1"]);
    },
  },
  {
    fact: "self-managed Kafka is named by its servers, and has no ARN",
    source: "guide: Using self-managed Apache Kafka as an event source",
    async holds({ client }) {
      const SelfManagedEventSource = { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [`${randomUUID()}.example:9092`] } };
      const made = await map(client, {
        SelfManagedEventSource,
        Topics: ["t1"],
        SourceAccessConfigurations: access,
      });
      assert.equal(made.EventSourceArn, undefined);
      assert.deepEqual(made.SelfManagedEventSource, SelfManagedEventSource);
      assert.deepEqual(made.SourceAccessConfigurations, access);
      assert.deepEqual(made.SelfManagedKafkaEventSourceConfig, { ConsumerGroupId: made.UUID });
    },
  },
  {
    fact: "a broker's queue has batches of 100",
    source: "api: CreateEventSourceMapping",
    async holds({ client }) {
      const given = { EventSourceArn: sources.mq(), Queues: ["q"], SourceAccessConfigurations: access };
      const made = await map(client, given);
      assert.equal(made.BatchSize, 100);
      assert.deepEqual(made.Queues, ["q"]);
    },
  },
  {
    fact: "an alias is invoked under its own ARN",
    source: "api: CreateEventSourceMapping, FunctionName",
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      const made = await map(client, { FunctionName: `${arnOf(name)}:live`, EventSourceArn: sources.sqs() });
      assert.equal(made.FunctionArn, `${arnOf(name)}:live`);
      const partial = await map(client, {
        FunctionName: `000000000000:function:${name}:1`,
        EventSourceArn: sources.sqs(),
      });
      assert.equal(partial.FunctionArn, `${arnOf(name)}:1`);
    },
  },
];

const states: readonly Fact[] = [
  {
    fact: "Creating becomes Enabled, and the reason says when nobody reads the source",
    source: "api: EventSourceMappingConfiguration, State; the reason is our own",
    async holds({ client }) {
      const made = await map(client, { EventSourceArn: sources.sqs() });
      const seen = await get(client, made.UUID!);
      assert.equal(seen.State, "Enabled");
      assert.match(seen.StateTransitionReason!, /Thaw does not read from sqs yet/);
    },
  },
  {
    fact: "a mapping may be made disabled",
    source: "api: CreateEventSourceMapping, Enabled",
    async holds({ client }) {
      const made = await map(client, { EventSourceArn: sources.sqs(), Enabled: false });
      assert.equal(made.State, "Creating");
      const seen = await get(client, made.UUID!);
      assert.equal(seen.State, "Disabled");
      assert.equal(seen.StateTransitionReason, "USER_INITIATED");
    },
  },
  {
    fact: "updates answer with Updating, Disabling and Enabling",
    source: "api: EventSourceMappingConfiguration, State",
    async holds({ client }) {
      const { UUID } = await map(client, { EventSourceArn: sources.kinesis(), ...trim });
      const changed = await update(client, UUID!, { BatchSize: 5 });
      assert.equal(changed.$metadata.httpStatusCode, 202);
      assert.equal(changed.State, "Updating");
      assert.equal(changed.BatchSize, 5);
      assert.equal((await update(client, UUID!, { Enabled: false })).State, "Disabling");
      assert.equal((await get(client, UUID!)).State, "Disabled");
      assert.equal((await update(client, UUID!, { Enabled: true })).State, "Enabling");
      const seen = await get(client, UUID!);
      assert.equal(seen.State, "Enabled");
      assert.equal(seen.BatchSize, 5);
    },
  },
  {
    fact: "deletion answers with Deleting, and then there is nothing",
    source: `seen: ${tests}, event source mapping lifecycle`,
    async holds({ client }) {
      const { UUID } = await map(client, { EventSourceArn: sources.sqs() });
      const gone = await client.send(new DeleteEventSourceMappingCommand({ UUID: UUID! }));
      assert.equal(gone.$metadata.httpStatusCode, 202);
      assert.equal(gone.State, "Deleting");
      await refused(get(client, UUID!), "ResourceNotFoundException", "The resource you requested does not exist.");
    },
  },
  {
    fact: "a mapping outlives its function",
    source: `seen: ${tests}, event source mapping lifecycle with a deleted function`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const { UUID } = await map(client, { FunctionName: name, EventSourceArn: sources.sqs() });
      await client.send(new DeleteFunctionCommand({ FunctionName: name }));
      assert.equal((await get(client, UUID!)).FunctionArn, arnOf(name));
    },
  },
  {
    fact: "another function may be given to a mapping, but not another source",
    source: "api: UpdateEventSourceMapping",
    async holds({ client, raw }) {
      const EventSourceArn = sources.sqs();
      const { UUID } = await map(client, { EventSourceArn });
      const { name } = await functionOf(client);
      const changed = await update(client, UUID!, { FunctionName: name });
      assert.equal(changed.FunctionArn, arnOf(name));
      const other = { EventSourceArn: sources.sqs() };
      const { body } = await raw("PUT", `/2015-03-31/event-source-mappings/${UUID}`, other);
      assert.equal(body.EventSourceArn, EventSourceArn);
    },
  },
  {
    fact: "filters and scaling are taken away by giving empty ones",
    source: "api: ScalingConfig (to remove the configuration, pass an empty value)",
    async holds({ client }) {
      const { UUID, ScalingConfig, FilterCriteria } = await map(client, {
        EventSourceArn: sources.sqs(),
        ScalingConfig: { MaximumConcurrency: 2 },
        FilterCriteria: { Filters: [{ Pattern: '{"body":{"a":["b"]}}' }] },
      });
      assert.deepEqual(ScalingConfig, { MaximumConcurrency: 2 });
      assert.deepEqual(FilterCriteria, { Filters: [{ Pattern: '{"body":{"a":["b"]}}' }] });
      const changed = await update(client, UUID!, { ScalingConfig: {}, FilterCriteria: { Filters: [] } });
      assert.equal(changed.ScalingConfig, undefined);
      assert.equal(changed.FilterCriteria, undefined);
    },
  },
  {
    fact: "the same source is mapped to the same function once; a queue says it in its own words",
    source: `seen: ${tests}, create event source mapping twice`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      for (const [given, text] of [
        [{ EventSourceArn: sources.sqs() }, "An event source mapping with SQS arn"],
        [{ EventSourceArn: sources.kinesis(), ...trim }, "The event source arn"],
      ] as const) {
        const { UUID } = await map(client, { FunctionName: name, ...given });
        const again = map(client, { FunctionName: arnOf(name), ...given });
        const arn = `(" ${given.EventSourceArn} ") and function (" ${name} ")`;
        const verb = text.startsWith("An") ? "already exists" : "provided mapping already exists";
        await refused(
          again,
          "ResourceConflictException",
          `${text} ${arn} ${verb}. Please update or delete the existing mapping with UUID ${UUID}`,
        );
        // Under an alias it is another mapping.
        await map(client, { FunctionName: `${name}:live`, ...given });
      }
    },
  },
  {
    fact: "another topic of the same cluster is another source",
    source: "guide: Amazon MSK (one topic a mapping)",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const given = { FunctionName: name, EventSourceArn: sources.msk() };
      await map(client, { ...given, Topics: ["t1"] });
      await map(client, { ...given, Topics: ["t2"] });
      await refused(map(client, { ...given, Topics: ["t1"] }), "ResourceConflictException");
    },
  },
  {
    fact: "lists are of all, of one function or of one source, in pages of 100 at most",
    source: "api: ListEventSourceMappings",
    async holds({ clientOf }) {
      const client = clientOf("333333333333");
      const { name } = await functionOf(client);
      const arns = Array.from({ length: 3 }, sources.sqs);
      for (const EventSourceArn of arns) await map(client, { FunctionName: name, EventSourceArn });
      await map(client, { EventSourceArn: arns[0] });
      const list = async (given: object) => client.send(new ListEventSourceMappingsCommand(given));
      assert.equal((await list({ FunctionName: name })).EventSourceMappings!.length, 3);
      assert.equal((await list({ EventSourceArn: arns[0] })).EventSourceMappings!.length, 2);
      const first = await list({ MaxItems: 3 });
      assert.equal(first.EventSourceMappings!.length, 3);
      const second = await list({ MaxItems: 3, Marker: first.NextMarker });
      assert.equal(second.EventSourceMappings!.length, 1);
      assert.equal(second.NextMarker, undefined);
      const uuids = [...first.EventSourceMappings!, ...second.EventSourceMappings!].map((one) => one.UUID);
      assert.equal(new Set(uuids).size, 4);
      assert.equal((await list({ FunctionName: "nobody" })).EventSourceMappings!.length, 0);
    },
  },
  {
    fact: "accounts and regions do not see each other's mappings",
    source: "api: ARN of an event source mapping",
    async holds({ client, clientOf }) {
      const { UUID } = await map(client, { EventSourceArn: sources.sqs() });
      for (const stranger of [clientOf("444444444444"), clientOf("test", "eu-west-1")]) {
        await refused(get(stranger, UUID!), "ResourceNotFoundException");
      }
    },
  },
  {
    fact: "tags are given when a mapping is made, and set and taken away by its ARN",
    source: "guide: Using tags on event source mappings",
    async holds({ client }) {
      const made = await map(client, { EventSourceArn: sources.sqs(), Tags: { team: "a" } });
      const Resource = made.EventSourceMappingArn!;
      await client.send(new TagResourceCommand({ Resource, Tags: { stage: "b" } }));
      await client.send(new UntagResourceCommand({ Resource, TagKeys: ["team"] }));
      assert.deepEqual((await client.send(new ListTagsCommand({ Resource }))).Tags, { stage: "b" });
      const missing = Resource.replace(/[^:]+$/, randomUUID());
      await refused(client.send(new ListTagsCommand({ Resource: missing })), "ResourceNotFoundException");
    },
  },
];

testFacts([...shapes, ...states]);
