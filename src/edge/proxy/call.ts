import type { FunctionVersion, Invocation, InvocationResult, StreamSink } from "../../model/index.ts";
import { functionArn, type Registry, type Scope } from "../../registry/index.ts";
import { recursiveInvocation, traced } from "../lambda-api/lineage.ts";

/** What the doors that turn requests into events ask of the house. */
export interface CallNeeds {
  readonly registry: Pick<Registry, "resolve" | "recursion">;
  /** Runs a function once. Rejects with ServiceError when the platform could not. */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /** Resolves when a version in the making is ready; undefined: it is. */
  wait(target: FunctionVersion): Promise<void> | undefined;
}

export interface FunctionCall extends Scope {
  readonly name: string;
  /** version or alias; undefined: `$LATEST` */
  readonly qualifier: string | undefined;
  readonly payload: Buffer;
  readonly requestId: string;
  /** X-Amzn-Trace-Id */
  readonly traceId: string | undefined;
  /** monotonicMs() */
  readonly received: number;
  readonly onStream?: StreamSink;
}

/** Runs a function for a request of a front door. Rejects with ServiceError: not there, throttled, in a loop, not ready. */
export async function callFunction(needs: CallNeeds, call: FunctionCall): Promise<InvocationResult> {
  const { account, region, name, qualifier, requestId } = call;
  const target = needs.registry.resolve(account, region, name, qualifier);
  const { header, looping } = traced(call.traceId, requestId, target);
  if (looping && needs.registry.recursion.get(target, name)?.recursiveLoop !== "Allow") throw recursiveInvocation();
  const waiting = needs.wait(target);
  if (waiting !== undefined) await waiting;
  const arn = functionArn(target, name);
  return needs.invoke({
    requestId,
    target,
    invokedArn: qualifier === undefined ? arn : `${arn}:${qualifier}`,
    payload: call.payload,
    tail: false,
    received: call.received,
    traceId: header,
    ...(call.onStream === undefined ? {} : { onStream: call.onStream }),
  });
}
