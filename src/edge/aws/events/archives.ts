import type {
  CreateArchiveRequest,
  DeleteArchiveRequest,
  DescribeArchiveRequest,
  ListArchivesRequest,
  UpdateArchiveRequest,
} from "@aws-sdk/client-eventbridge";
import { type ArchiveRecord, archiveArn } from "../../../buses/index.ts";
import { JsonError } from "../json.ts";
import {
  busOf,
  type EventsCall,
  type EventsContext,
  type EventsOperation,
  given,
  invalid,
  notFound,
  page,
  readPattern,
} from "./context.ts";

/** Of one account in one region (Service Quotas). */
const most = 100;

export const createArchive: EventsOperation<CreateArchiveRequest> = (call) => {
  const { input, scope, context } = call;
  const { ArchiveName: archive = "", EventPattern: pattern, RetentionDays = 0 } = input;
  const { archives } = context.buses;
  if (archives.get(scope, archive) !== undefined) {
    throw new JsonError("ResourceAlreadyExistsException", `Archive ${archive} already exists.`);
  }
  const source = busOf(call, input.EventSourceArn).arn;
  if (pattern !== undefined) readPattern(pattern);
  if (archives.list(scope).length >= most) {
    throw new JsonError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  }
  const record: ArchiveRecord = {
    account: scope.account,
    region: scope.region,
    name: `${scope.region} ${archive}`,
    archive,
    arn: archiveArn(scope, archive),
    source,
    description: input.Description,
    pattern,
    retentionDays: RetentionDays,
    kmsKeyIdentifier: input.KmsKeyIdentifier,
    created: context.clock(),
  };
  archives.put(record);
  return made(record);
};

export const updateArchive: EventsOperation<UpdateArchiveRequest> = (call) => {
  const { input, context } = call;
  const record = archiveOf(call, input.ArchiveName);
  if (input.EventPattern !== undefined) readPattern(input.EventPattern);
  const changed = {
    ...record,
    description: input.Description ?? record.description,
    pattern: input.EventPattern ?? record.pattern,
    retentionDays: input.RetentionDays ?? record.retentionDays,
    kmsKeyIdentifier: input.KmsKeyIdentifier ?? record.kmsKeyIdentifier,
  };
  context.buses.archives.put(changed);
  return made(changed);
};

export const deleteArchive: EventsOperation<DeleteArchiveRequest> = (call) => {
  call.context.buses.archives.remove(archiveOf(call, call.input.ArchiveName));
  return {};
};

export const describeArchive: EventsOperation<DescribeArchiveRequest> = (call) => {
  const record = archiveOf(call, call.input.ArchiveName);
  const { description, pattern, kmsKeyIdentifier } = record;
  return {
    ArchiveArn: record.arn,
    ...view(call.context, record),
    ...given({ Description: description, EventPattern: pattern, KmsKeyIdentifier: kmsKeyIdentifier }),
  };
};

export const listArchives: EventsOperation<ListArchivesRequest> = ({ input, scope, context }) => {
  const { NamePrefix, EventSourceArn, State } = input;
  oneFilter("ListArchives", [State, EventSourceArn, NamePrefix]);
  const found = context.buses.archives
    .list(scope)
    .filter(
      ({ archive, source }) =>
        archive.startsWith(NamePrefix ?? "") &&
        source === (EventSourceArn ?? source) &&
        (State === undefined || State === "ENABLED"),
    );
  const { items, next } = page(found, ({ archive }) => archive, input.NextToken, input.Limit);
  return { Archives: items.map((record) => view(context, record)), ...next };
};

/** Throws ValidationException. */
export function oneFilter(operation: string, filters: readonly (string | undefined)[]): void {
  if (filters.filter((one) => one !== undefined).length <= 1) return;
  throw invalid(`At most one filter is allowed for ${operation}. Use either : State, EventSourceArn, or NamePrefix.`);
}

/** Throws ResourceNotFoundException. */
function archiveOf({ scope, context }: EventsCall<unknown>, name = ""): ArchiveRecord {
  const found = context.buses.archives.get(scope, name);
  if (found === undefined) throw notFound(`Archive ${name} does not exist.`);
  return found;
}

const made = ({ arn, created }: ArchiveRecord) => ({
  ArchiveArn: arn,
  State: "ENABLED",
  CreationTime: created / 1000,
});

function view({ buses }: EventsContext, record: ArchiveRecord) {
  const { events, bytes } = buses.archives.totals(record);
  return {
    ArchiveName: record.archive,
    EventSourceArn: record.source,
    State: "ENABLED",
    RetentionDays: record.retentionDays,
    SizeBytes: bytes,
    EventCount: events,
    CreationTime: record.created / 1000,
  };
}
