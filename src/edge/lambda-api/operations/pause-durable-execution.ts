import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

interface Input {
  readonly DurableExecutionArn?: string;
  readonly ClientToken?: string;
  readonly Reason?: string;
  readonly ExecutionTimeoutPaused?: boolean;
}

/** POST /2025-12-01/durable-executions/{DurableExecutionArn}/pause */
export const pauseDurableExecution: Operation<Input> = async (call) => {
  const { DurableExecutionArn, ClientToken, Reason, ExecutionTimeoutPaused = true } = call.input;
  const { durable, arn } = ownExecution(call, DurableExecutionArn);
  durable.pause(arn, { reason: Reason, timeoutPaused: ExecutionTimeoutPaused, clientToken: ClientToken });
  await durable.synced();
  return { body: {} };
};
