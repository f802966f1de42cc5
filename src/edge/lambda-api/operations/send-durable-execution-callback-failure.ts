import type { SendDurableExecutionCallbackFailureRequest } from "@aws-sdk/client-lambda";
import type { ErrorObject } from "../../../durable/index.ts";
import { durableOf } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** POST /2025-12-01/durable-execution-callbacks/{CallbackId}/fail */
export const sendDurableExecutionCallbackFailure: Operation<SendDurableExecutionCallbackFailureRequest> = (call) => {
  const { CallbackId = "", Error: error = {} } = call.input;
  durableOf(call).endCallback(CallbackId, call.scope, { error: error as ErrorObject });
  return { body: {} };
};
