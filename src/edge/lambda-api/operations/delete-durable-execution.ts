import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

interface Input {
  readonly DurableExecutionArn?: string;
}

/** DELETE /2025-12-01/durable-executions/{DurableExecutionArn}. It is gone when this is answered: nobody sees DELETING. */
export const deleteDurableExecution: Operation<Input> = async (call) => {
  const { durable, arn } = ownExecution(call, call.input.DurableExecutionArn);
  durable.remove(arn);
  await durable.synced();
  return { body: { DeletionRequestTimestamp: Date.now() / 1000 } };
};
