import type { IncomingMessage } from "node:http";
import { type DurableSettings, type FunctionVersion, ServiceError } from "../../model/index.ts";

type DurableVersion = FunctionVersion & { readonly durable: DurableSettings };

export const isDurable = (target: FunctionVersion): target is DurableVersion => target.durable !== undefined;

/** What nobody but durable functions understands. Throws InvalidParameterValueException; the text is ours. */
export function refuseExecutionName(request: IncomingMessage): void {
  if (request.headers["x-amz-durable-execution-name"] === undefined) return;
  const message = "You cannot specify a durable execution name for a function that is not durable.";
  throw new ServiceError("InvalidParameterValueException", message);
}
