import type { StopDurableExecutionRequest } from "@aws-sdk/client-lambda";
import type { ErrorObject } from "../../../durable/index.ts";
import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** POST /2025-12-01/durable-executions/{DurableExecutionArn}/stop. One that has ended stays as it is, and is no error. */
export const stopDurableExecution: Operation<StopDurableExecutionRequest> = async (call) => {
  const { durable, arn } = ownExecution(call, call.input.DurableExecutionArn);
  const { ended = 0 } = durable.stop(arn, call.input.Error as ErrorObject | undefined);
  await durable.synced();
  return { body: { StopTimestamp: ended / 1000 } };
};
