import type { GetDurableExecutionStateRequest } from "@aws-sdk/client-lambda";
import { ownExecution, pageSize } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** GET /2025-12-01/durable-executions/{DurableExecutionArn}/state: for the running function alone, which has the token. */
export const getDurableExecutionState: Operation<GetDurableExecutionStateRequest> = (call) => {
  const { DurableExecutionArn, CheckpointToken = "", Marker, MaxItems } = call.input;
  const { durable, arn } = ownExecution(call, DurableExecutionArn);
  const page = durable.state(arn, CheckpointToken, { marker: Marker, limit: pageSize(MaxItems) });
  const { operations: Operations, nextMarker } = page;
  return { body: { Operations, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) } };
};
