import type { SendDurableExecutionCallbackFailureRequest } from "@aws-sdk/client-lambda";
import type { ErrorObject } from "../../../durable/index.ts";
import { durableOf } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** POST /2025-12-01/durable-execution-callbacks/{CallbackId}/fail */
export const sendDurableExecutionCallbackFailure: Operation<SendDurableExecutionCallbackFailureRequest> = async (
  call,
) => {
  const { CallbackId = "", Error: error = {} } = call.input;
  const durable = durableOf(call);
  durable.endCallback(CallbackId, call.scope, { error: error as ErrorObject });
  await durable.synced();
  return { body: {} };
};
