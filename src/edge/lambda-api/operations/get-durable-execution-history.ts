import type { GetDurableExecutionHistoryRequest } from "@aws-sdk/client-lambda";
import { historyView } from "../../../durable/index.ts";
import { ownExecution, pageSize, readMarker, writeMarker } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

const isEventId = (value: unknown): value is number => Number.isInteger(value);

/** GET /2025-12-01/durable-executions/{DurableExecutionArn}/history. A marker is the EventId that the next page begins with. */
export const getDurableExecutionHistory: Operation<GetDurableExecutionHistoryRequest> = (call) => {
  const { DurableExecutionArn, IncludeExecutionData = true, MaxItems, Marker, ReverseOrder = false } = call.input;
  const { durable, arn } = ownExecution(call, DurableExecutionArn);
  const from = readMarker(Marker, isEventId);
  const limit = pageSize(MaxItems);
  const events = durable.history(arn, { from, limit: limit + 1, newestFirst: ReverseOrder });
  const next = events[limit]?.EventId;
  return {
    body: {
      Events: events.slice(0, limit).map((event) => historyView(event, IncludeExecutionData)),
      ...(next === undefined ? {} : { NextMarker: writeMarker(next) }),
    },
  };
};
