import type { SendDurableExecutionCallbackHeartbeatRequest } from "@aws-sdk/client-lambda";
import { durableOf } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

/** POST /2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat: its heartbeat's time begins anew. */
export const sendDurableExecutionCallbackHeartbeat: Operation<SendDurableExecutionCallbackHeartbeatRequest> = async (
  call,
) => {
  const durable = durableOf(call);
  durable.heartbeat(call.input.CallbackId ?? "", call.scope);
  await durable.synced();
  return { body: {} };
};
