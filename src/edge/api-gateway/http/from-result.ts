import type { InvocationResult } from "../../../model/index.ts";
import { jsonAnswer, type ProxyAnswer } from "../../proxy/answer.ts";
import { answerOf2, fullAnswer, isDocument, parsed } from "../../proxy/result-2.ts";

const byDefault = "text/plain;charset=UTF-8";

/** What API Gateway itself says. */
export const gatewayAnswer = (status: number, message: string): ProxyAnswer => jsonAnswer(status, { message });

export const internalError = gatewayAnswer(500, "Internal Server Error");

/** The answer that a function's result stands for, by the version of the payload format. */
export function fromResult({ outcome }: InvocationResult, version: string | undefined): ProxyAnswer {
  if (outcome.kind !== "returned") return internalError;
  if (version === "2.0") return answerOf2(outcome.payload, byDefault) ?? internalError;
  const document = parsed(outcome.payload)?.value;
  // Of format 1.0 the status is not inferred.
  if (!isDocument(document) || document.statusCode === undefined) return internalError;
  return fullAnswer({ ...document, cookies: undefined }, byDefault) ?? internalError;
}
