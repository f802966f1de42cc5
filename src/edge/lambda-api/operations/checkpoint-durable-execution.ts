import type { CheckpointDurableExecutionRequest } from "@aws-sdk/client-lambda";
import type { OperationUpdate } from "../../../durable/index.ts";
import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** POST /2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint: what a running function has done. */
export const checkpointDurableExecution: Operation<CheckpointDurableExecutionRequest> = async (call) => {
  const { DurableExecutionArn, CheckpointToken = "", Updates = [], ClientToken } = call.input;
  const { durable, arn } = ownExecution(call, DurableExecutionArn);
  const body = durable.checkpoint(arn, CheckpointToken, Updates as OperationUpdate[], ClientToken);
  await durable.synced();
  return { body };
};
