import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Buses } from "../../../buses/index.ts";
import type { ServiceModel } from "../../lambda-api/model.ts";
import { type JsonOperation, type JsonService, serveJson } from "../json.ts";
import type { AwsService } from "../service.ts";
import { createArchive, deleteArchive, describeArchive, listArchives, updateArchive } from "./archives.ts";
import { createEventBus, deleteEventBus, describeEventBus, listEventBuses, updateEventBus } from "./buses.ts";
import type { EventsContext, EventsOperation } from "./context.ts";
import { putPermission, removePermission } from "./permissions.ts";
import { putEvents } from "./put-events.ts";
import { cancelReplay, describeReplay, listReplays, startReplay } from "./replays.ts";
import {
  deleteRule,
  describeRule,
  disableRule,
  enableRule,
  listRuleNamesByTarget,
  listRules,
  putRule,
  testEventPattern,
} from "./rules.ts";
import { listTagsForResource, tagResource, untagResource } from "./tags.ts";
import { listTargetsByRule, putTargets, removeTargets } from "./targets.ts";

const operations = {
  CancelReplay: cancelReplay,
  CreateArchive: createArchive,
  CreateEventBus: createEventBus,
  DeleteArchive: deleteArchive,
  DeleteEventBus: deleteEventBus,
  DeleteRule: deleteRule,
  DescribeArchive: describeArchive,
  DescribeEventBus: describeEventBus,
  DescribeReplay: describeReplay,
  DescribeRule: describeRule,
  DisableRule: disableRule,
  EnableRule: enableRule,
  ListArchives: listArchives,
  ListEventBuses: listEventBuses,
  ListReplays: listReplays,
  ListRuleNamesByTarget: listRuleNamesByTarget,
  ListRules: listRules,
  ListTagsForResource: listTagsForResource,
  ListTargetsByRule: listTargetsByRule,
  PutEvents: putEvents,
  PutPermission: putPermission,
  PutRule: putRule,
  PutTargets: putTargets,
  RemovePermission: removePermission,
  RemoveTargets: removeTargets,
  StartReplay: startReplay,
  TagResource: tagResource,
  TestEventPattern: testEventPattern,
  UntagResource: untagResource,
  UpdateArchive: updateArchive,
  UpdateEventBus: updateEventBus,
};

/** Entries of 1 MB, each of whose characters may be escaped. */
const requestBytes = 8 * 1024 * 1024;

/** Amazon EventBridge: buses, rules and what is sent through them. */
export function createEvents(needs: { readonly buses: Buses; report(error: unknown): void }): AwsService {
  const context: EventsContext = { buses: needs.buses, clock: Date.now };
  const bound = Object.entries(operations).map(([name, operation]): [string, JsonOperation] => [
    name,
    (call) => (operation as EventsOperation<never>)({ ...call, context }),
  ]);
  const service: JsonService = {
    prefix: "AWSEvents.",
    model: JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")) as ServiceModel,
    operations: Object.fromEntries(bound),
    requestBytes,
    report: needs.report,
  };
  return { serve: (exchange) => serveJson(service, exchange) };
}
