import { describedExecution } from "../../../durable/index.ts";
import { ownExecution } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

interface Input {
  readonly DurableExecutionArn?: string;
  readonly IncludeExecutionData?: boolean;
}

/** GET /2025-12-01/durable-executions/{DurableExecutionArn} */
export const getDurableExecution: Operation<Input> = (call) => {
  const { DurableExecutionArn, IncludeExecutionData = true } = call.input;
  const { durable, arn } = ownExecution(call, DurableExecutionArn);
  const { execution, input, timesOutAt } = durable.get(arn);
  return { body: describedExecution(execution, IncludeExecutionData, input, timesOutAt) };
};
