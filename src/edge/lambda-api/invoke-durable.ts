import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { answerOf, type Durable, durableLimits, type Execution } from "../../durable/index.ts";
import { type Invocation, ServiceError } from "../../model/index.ts";
import { functionArn } from "../../registry/index.ts";
import { sendJson } from "../answer.ts";
import { brokenConstraints } from "./constraints.ts";
import { isDurable } from "./durable-target.ts";
import type { InvocationType } from "./invoke.ts";
import { serviceModel } from "./model.ts";
import { validationError, violation } from "./validate.ts";

/**
 * Invokes a durable function: starts an execution, or finds the one of this name, and waits for its end unless the type is
 * Event. Rejects with ServiceError.
 */
export async function serveDurable(
  durable: Durable,
  request: IncomingMessage,
  response: ServerResponse,
  type: InvocationType,
  invocation: Invocation,
): Promise<void> {
  const { requestId, target, traceId, tenantId } = invocation;
  if (!isDurable(target)) throw new Error(`${target.arn} is not durable`);
  // Versions are what makes a replay meet the code that it began with (Developer Guide, "Invoking durable functions").
  if (invocation.invokedArn === functionArn(target, target.name)) {
    throw invalid("You cannot invoke a durable function using an unqualified ARN.");
  }
  const name = executionName(request);
  if (type === "DryRun") {
    sendJson(response, 204, requestId, undefined);
    return;
  }
  const payload = invocation.payload.toString("utf8");
  const { arn } = durable.start({ target, name, payload, synchronous: type === "RequestResponse", traceId, tenantId });
  if (type === "Event") {
    await durable.synced();
    sendJson(response, 202, requestId, undefined, { "x-amz-durable-execution-arn": arn });
    return;
  }
  const ended = await endOf(durable, arn);
  await durable.synced();
  const { failed, payload: answer } = answerOf(ended);
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": answer.length,
    "x-amzn-requestid": requestId,
    "x-amzn-remapped-content-length": "0",
    "x-amz-executed-version": target.version,
    "x-amz-durable-execution-arn": arn,
    ...(failed ? { "x-amz-function-error": "Unhandled" } : {}),
  });
  response.end(answer);
}

const invalid = (message: string): ServiceError => new ServiceError("InvalidParameterValueException", message);

function executionName({ headers }: IncomingMessage): string | undefined {
  const name = headers["x-amz-durable-execution-name"];
  if (typeof name !== "string") return undefined;
  const broken = brokenConstraints(serviceModel().shapes.DurableExecutionName!, name);
  if (broken.length === 0) return name;
  throw validationError(broken.map((text) => violation(name, "durableExecutionName", text)));
}

/** Nobody waits longer than 15 minutes, even when the execution is paused meanwhile. */
async function endOf(durable: Durable, arn: string): Promise<Pick<Execution, "status" | "result" | "error">> {
  const patience = new AbortController();
  const { signal } = patience;
  const ErrorMessage = `Task timed out after ${durableLimits.syncSeconds.toFixed(2)} seconds`;
  const late = { status: "TIMED_OUT", error: { ErrorType: "Sandbox.Timedout", ErrorMessage } } as const;
  try {
    const timeout = setTimeout(durableLimits.syncSeconds * 1000, late, { signal, ref: false });
    // Aborted is what it is when the execution was quicker.
    timeout.catch(() => {});
    return await Promise.race([durable.finished(arn), timeout]);
  } finally {
    patience.abort();
  }
}
