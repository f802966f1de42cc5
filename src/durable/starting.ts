import { createHash, randomUUID } from "node:crypto";
import { type DurableSettings, type FunctionVersion, ServiceError } from "../model/index.ts";
import type { Unit } from "./engine.ts";
import { add, type Live, newLive, record } from "./live.ts";
import { durableLimits, type Execution } from "./records.ts";
import type { DurableStore } from "./store.ts";
import { invalid } from "./validate.ts";

export interface StartRequest {
  readonly target: FunctionVersion & { readonly durable: DurableSettings };
  /** the caller's; a UUID otherwise */
  readonly name?: string | undefined;
  /** the event, as JSON */
  readonly payload: string;
  /** somebody waits for the result: it may be larger, but the execution only 15 minutes long */
  readonly synchronous: boolean;
  readonly traceId?: string | undefined;
  /** of a function that keeps its tenants apart */
  readonly tenantId?: string | undefined;
}

/**
 * The execution of this name, or a new one. Throws InvalidParameterValueException, and
 * DurableExecutionAlreadyStartedException when the name was used for something else
 * (Developer Guide, "Idempotency for durable executions").
 */
export function startOrFind(store: DurableStore, unit: Unit, request: StartRequest): Execution {
  const { target, name, payload } = request;
  if (request.synchronous && target.durable.timeoutSeconds > durableLimits.syncSeconds) {
    throw invalid(
      "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
    );
  }
  if (name !== undefined) {
    const known = store.named(target.account, target.region, target.name, name);
    if (known !== undefined) {
      if (known.version === target.version && known.inputDigest === digestOf(payload)) return known;
      throw new ServiceError("DurableExecutionAlreadyStartedException", `Execution already started: ${known.arn}`);
    }
  }
  return newExecution(unit, request).execution;
}

/** A new execution, whose first invocation is owed. */
export function newExecution(unit: Unit, request: StartRequest, parent?: Execution["parent"]): Live {
  const { target, payload } = request;
  const { account, region, name: functionName, version, durable: settings } = target;
  const id = randomUUID();
  const name = request.name ?? randomUUID();
  const base = `arn:aws:lambda:${region}:${account}:function:${functionName}:${version}`;
  const live = newLive({
    arn: `${base}/durable-execution/${name}/${id}`,
    account,
    region,
    functionName,
    version,
    name,
    id,
    settings,
    resultBytes: request.synchronous ? durableLimits.syncResultBytes : durableLimits.payloadBytes,
    inputDigest: digestOf(payload),
    started: unit.now,
    parent,
    traceId: request.traceId,
    tenantId: request.tenantId,
    asynchronous: !request.synchronous && parent === undefined,
    status: "RUNNING",
    deadline: unit.now + settings.timeoutSeconds * 1000,
    owed: true,
    failures: 0,
    refusals: 0,
    changes: 0,
    seen: 0,
    operations: 0,
    events: 0,
    bytes: Buffer.byteLength(payload),
  });
  const root = add(live, { id, name, type: "EXECUTION", started: unit.now, status: "STARTED", input: payload });
  record(live, unit.now, "ExecutionStarted", root, {
    Input: { Payload: payload, Truncated: false },
    ExecutionTimeout: settings.timeoutSeconds,
  });
  unit.add(live);
  return live;
}

const digestOf = (payload: string): string => createHash("sha256").update(payload).digest("base64url");
