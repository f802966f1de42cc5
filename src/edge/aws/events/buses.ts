import type {
  CreateEventBusRequest,
  DeleteEventBusRequest,
  DescribeEventBusRequest,
  ListEventBusesRequest,
  UpdateEventBusRequest,
} from "@aws-sdk/client-eventbridge";
import { type BusRecord, busArn, defaultBus } from "../../../buses/index.ts";
import { JsonError } from "../json.ts";
import { busOf, type EventsOperation, given, invalid, page, tagsOf } from "./context.ts";

/** Of one account in one region (Service Quotas). */
const most = 100;

export const createEventBus: EventsOperation<CreateEventBusRequest> = ({ input, scope, context }) => {
  const { directory } = context.buses;
  const { Name: bus = "", Description, Tags, KmsKeyIdentifier, DeadLetterConfig, LogConfig } = input;
  if (bus === defaultBus || directory.bus(scope, bus) !== undefined) {
    throw new JsonError("ResourceAlreadyExistsException", `Event bus ${bus} already exists.`);
  }
  if (bus.includes("/")) throw invalid("Event bus name must not contain '/'.");
  if (directory.buses(scope).length >= most) {
    throw new JsonError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  }
  const now = context.clock();
  const arn = busArn(scope, bus);
  const settings = given({ KmsKeyIdentifier, DeadLetterConfig, LogConfig });
  directory.putBus({
    ...scope,
    name: `${scope.region} ${bus}`,
    bus,
    arn,
    description: Description,
    settings,
    tags: tagsOf(Tags),
    created: now,
    modified: now,
  });
  return { EventBusArn: arn, ...given({ Description }), ...settings };
};

export const updateEventBus: EventsOperation<UpdateEventBusRequest> = (call) => {
  const { input, context } = call;
  const record = busOf(call, input.Name);
  const { KmsKeyIdentifier, DeadLetterConfig, LogConfig } = input;
  const settings = { ...record.settings, ...given({ KmsKeyIdentifier, DeadLetterConfig, LogConfig }) };
  const description = input.Description ?? record.description;
  context.buses.directory.putBus({ ...record, description, settings, modified: context.clock() });
  return { Arn: record.arn, Name: record.bus, ...given({ Description: description }), ...settings };
};

/** A bus that is not there is deleted already. */
export const deleteEventBus: EventsOperation<DeleteEventBusRequest> = ({ input, scope, context }) => {
  const { Name: bus = "" } = input;
  if (bus === defaultBus) throw invalid("Cannot delete event bus default.");
  const record = context.buses.directory.bus(scope, bus);
  if (record === undefined) return {};
  if (context.buses.directory.rules(scope, bus).length > 0) {
    throw invalid("Event bus can't be deleted since it has rules.");
  }
  context.buses.directory.removeBus(record);
  return {};
};

export const describeEventBus: EventsOperation<DescribeEventBusRequest> = (call) => {
  const record = busOf(call, call.input.Name);
  return { ...view(record), ...given({ Description: record.description }), ...record.settings };
};

export const listEventBuses: EventsOperation<ListEventBusesRequest> = ({ input, scope, context }) => {
  const found = context.buses.directory.buses(scope).filter(({ bus }) => bus.startsWith(input.NamePrefix ?? ""));
  const { items, next } = page(found, ({ bus }) => bus, input.NextToken, input.Limit);
  return { EventBuses: items.map(view), ...next };
};

const view = ({ bus, arn, policy, created, modified }: BusRecord) => ({
  Name: bus,
  Arn: arn,
  ...given({ Policy: policy }),
  ...(created === 0 ? {} : { CreationTime: created / 1000, LastModifiedTime: modified / 1000 }),
});
