import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

interface Input {
  readonly DurableExecutionArn?: string;
  readonly ClientToken?: string;
  readonly Reason?: string;
}

/** POST /2025-12-01/durable-executions/{DurableExecutionArn}/resume */
export const resumeDurableExecution: Operation<Input> = async (call) => {
  const { durable, arn } = ownExecution(call, call.input.DurableExecutionArn);
  durable.resume(arn, call.input.Reason, call.input.ClientToken);
  await durable.synced();
  return { body: {} };
};
