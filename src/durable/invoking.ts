import { randomUUID } from "node:crypto";
import {
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  monotonicMs,
  ServiceError,
} from "../model/index.ts";
import type { ErrorObject } from "./records.ts";

/** How one invocation of a function went. */
export type Outcome =
  | { readonly kind: "returned"; readonly text: string }
  | { readonly kind: "failed"; readonly error: ErrorObject }
  /** the function did not run */
  | { readonly kind: "refused"; readonly error: ServiceError };

export interface InvokingNeeds {
  /** Throws ServiceError (ResourceNotFoundException …). */
  resolve(account: string, region: string, name: string, qualifier?: string): FunctionVersion;
  /** Runs a function once. Rejects with ServiceError when the platform could not. */
  invoke(invocation: Invocation): Promise<InvocationResult>;
}

export interface Call {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly requestId?: string;
  readonly payload: Buffer;
  readonly traceId: string | undefined;
  readonly tenantId?: string | undefined;
}

/** Invokes a function; whatever happens is an outcome, never a rejection. */
export async function invokeOnce(needs: InvokingNeeds, call: Call): Promise<Outcome> {
  try {
    const target = needs.resolve(call.account, call.region, call.name, call.qualifier);
    const { outcome } = await needs.invoke({
      requestId: call.requestId ?? randomUUID(),
      target,
      invokedArn: target.version === "$LATEST" ? `${target.arn}:$LATEST` : target.arn,
      payload: call.payload,
      tail: false,
      received: monotonicMs(),
      traceId: call.traceId,
      tenantId: call.tenantId,
    });
    if (outcome.kind === "returned") return { kind: "returned", text: outcome.payload.toString("utf8") };
    const failure = outcome.kind === "failed" ? outcome.failure : outcome.error;
    return { kind: "failed", error: errorOfAnswer(failure?.payload, failure?.errorType) };
  } catch (error) {
    if (error instanceof ServiceError) return { kind: "refused", error };
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "refused", error: new ServiceError("ServiceException", message, {}, { cause: error }) };
  }
}

/** A function's error document (`errorMessage`, `errorType`, `trace` or `stackTrace`) in the words of durable executions. */
function errorOfAnswer(payload: Buffer | undefined, errorType: string | undefined): ErrorObject {
  let given: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(payload?.toString("utf8") ?? "{}");
    if (typeof parsed === "object" && parsed !== null) given = parsed as Record<string, unknown>;
  } catch {
    // A document that is none says nothing.
  }
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const trace = [given.stackTrace, given.trace].find(Array.isArray) as unknown[] | undefined;
  const ErrorMessage = text(given.errorMessage);
  const ErrorType = text(given.errorType) ?? errorType;
  return {
    ...(ErrorMessage === undefined ? {} : { ErrorMessage }),
    ...(ErrorType === undefined ? {} : { ErrorType }),
    ...(trace === undefined ? {} : { StackTrace: trace.map(String) }),
  };
}
