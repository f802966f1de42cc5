import type {
  CancelReplayRequest,
  DescribeReplayRequest,
  ListReplaysRequest,
  StartReplayRequest,
} from "@aws-sdk/client-eventbridge";
import { isGoing, type ReplayRecord, replayArn } from "../../../buses/index.ts";
import { JsonError } from "../json.ts";
import { oneFilter } from "./archives.ts";
import { busOf, type EventsCall, type EventsOperation, given, invalid, notFound, page } from "./context.ts";

/** "Maximum number of concurrent replays" (Service Quotas) */
const most = 10;

/** Moments come as seconds since the epoch, as the protocol has them. */
type StartInput = Omit<StartReplayRequest, "EventStartTime" | "EventEndTime"> & {
  readonly EventStartTime: number;
  readonly EventEndTime: number;
};

export const startReplay: EventsOperation<StartInput> = (call) => {
  const { input, scope, context } = call;
  const { ReplayName: replay = "", EventSourceArn: source = "", EventStartTime, EventEndTime } = input;
  const { replays, archives } = context.buses;
  if (!/^arn:[^:]+:events:[^:]+:\d{12}:archive\/.+$/.test(source)) {
    throw invalid("Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.");
  }
  const destination = input.Destination?.Arn ?? "";
  if (!/^arn:[^:]+:events:[^:]+:\d{12}:event-bus\/.+$/.test(destination)) {
    throw invalid("Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.");
  }
  busOf(call, destination);
  const archive = archives.find(source);
  if (archive === undefined || archive.account !== scope.account || archive.region !== scope.region) {
    const name = source.slice(source.indexOf("/") + 1);
    throw invalid(`Parameter EventSourceArn is not valid. Reason: Archive ${name} does not exist.`);
  }
  if (archive.source !== destination) {
    throw invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.");
  }
  if (EventStartTime >= EventEndTime) {
    throw invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.");
  }
  if (replays.get(scope, replay) !== undefined) {
    throw new JsonError("ResourceAlreadyExistsException", `Replay ${replay} already exists.`);
  }
  if (replays.list(scope).filter(isGoing).length >= most) {
    throw new JsonError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  }
  const record: ReplayRecord = {
    account: scope.account,
    region: scope.region,
    name: `${scope.region} ${replay}`,
    replay,
    arn: replayArn(scope, replay),
    description: input.Description,
    source,
    destination: { Arn: destination, ...given({ FilterArns: input.Destination?.FilterArns }) },
    from: EventStartTime * 1000,
    until: EventEndTime * 1000,
    state: "STARTING",
    begun: context.clock(),
    cursor: { at: EventStartTime * 1000, id: 0 },
  };
  replays.start(record);
  return { ReplayArn: record.arn, State: "STARTING", ReplayStartTime: record.begun / 1000 };
};

export const cancelReplay: EventsOperation<CancelReplayRequest> = (call) => {
  const record = replayOf(call, call.input.ReplayName);
  if (!isGoing(record) || record.state === "CANCELLING") {
    throw new JsonError(
      "IllegalStatusException",
      `Replay ${record.replay} is not in a valid state for this operation.`,
    );
  }
  call.context.buses.replays.cancel(record);
  return { ReplayArn: record.arn, State: "CANCELLING" };
};

export const describeReplay: EventsOperation<DescribeReplayRequest> = (call) => {
  const record = replayOf(call, call.input.ReplayName);
  return {
    ReplayArn: record.arn,
    ...view(record),
    Destination: record.destination,
    ...given({ Description: record.description }),
  };
};

export const listReplays: EventsOperation<ListReplaysRequest> = ({ input, scope, context }) => {
  const { NamePrefix, EventSourceArn, State } = input;
  oneFilter("ListReplays", [State, EventSourceArn, NamePrefix]);
  const found = context.buses.replays
    .list(scope)
    .filter(
      ({ replay, source, state }) =>
        replay.startsWith(NamePrefix ?? "") && source === (EventSourceArn ?? source) && state === (State ?? state),
    );
  const { items, next } = page(found, ({ replay }) => replay, input.NextToken, input.Limit);
  return { Replays: items.map(view), ...next };
};

/** Throws ResourceNotFoundException. */
function replayOf({ scope, context }: EventsCall<unknown>, name = ""): ReplayRecord {
  const found = context.buses.replays.get(scope, name);
  if (found === undefined) throw notFound(`Replay ${name} does not exist.`);
  return found;
}

const view = (record: ReplayRecord) => ({
  ReplayName: record.replay,
  EventSourceArn: record.source,
  State: record.state,
  EventStartTime: record.from / 1000,
  EventEndTime: record.until / 1000,
  ReplayStartTime: record.begun / 1000,
  ...given({
    StateReason: record.reason,
    ReplayEndTime: record.ended === undefined ? undefined : record.ended / 1000,
    EventLastReplayedTime: record.cursor.id === 0 ? undefined : record.cursor.at / 1000,
  }),
});
