import { durableOf } from "../durable-executions.ts";
import type { Operation } from "../operation.ts";

interface Input {
  readonly CallbackId?: string;
  readonly Result?: Uint8Array;
}

/** POST /2025-12-01/durable-execution-callbacks/{CallbackId}/succeed. The function is invoked again with the result. */
export const sendDurableExecutionCallbackSuccess: Operation<Input> = async (call) => {
  const { CallbackId = "", Result = new Uint8Array() } = call.input;
  const result = Result.length === 0 ? undefined : Buffer.from(Result).toString("utf8");
  const durable = durableOf(call);
  durable.endCallback(CallbackId, call.scope, { result });
  await durable.synced();
  return { body: {} };
};
