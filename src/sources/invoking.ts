import { randomUUID } from "node:crypto";
import {
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import { functionArn, type MappingRecord } from "../registry/index.ts";
import type { Invoked } from "./source.ts";

export interface InvokingNeeds {
  /** What to run. Throws ResourceNotFoundException when it is gone. */
  resolve(account: string, region: string, name: string, qualifier?: string): FunctionVersion;
  /** Runs a function once, synchronously. Rejects with ServiceError when it could not be run. */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /** The trace header to hand on, and whether the function would run in a loop. */
  trace(target: FunctionVersion, traceId: string | undefined): { readonly header: string; readonly looping: boolean };
}

/** With its qualifier, if it has one. */
export function mappedArn({ account, region, functionName, qualifier }: MappingRecord): string {
  const arn = functionArn({ account, region }, functionName);
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** Runs the function of a mapping. Rejects with ServiceError when it could not be run now. */
export async function invokeMapped(
  needs: InvokingNeeds,
  mapping: MappingRecord,
  payload: Buffer,
  traceId: string | undefined,
): Promise<Invoked> {
  const { account, region, functionName, qualifier } = mapping;
  const target = needs.resolve(account, region, functionName, qualifier);
  const { header, looping } = needs.trace(target, traceId);
  if (looping) throw new ServiceError("RecursiveInvocationException", "The function is invoked in a recursive loop.");
  const requestId = randomUUID();
  const { outcome, executedVersion } = await needs.invoke({
    requestId,
    target,
    invokedArn: mappedArn(mapping),
    payload,
    traceId: header,
    tail: false,
    received: monotonicMs(),
  });
  if (outcome.kind === "streamed") throw new Error("a batch was answered as a stream");
  if (outcome.kind === "returned") return { requestId, executedVersion, payload: outcome.payload };
  const { functionError, payload: said } = outcome.failure;
  return { requestId, executedVersion, functionError, payload: said };
}
