import type { InvocationResult } from "../../../model/index.ts";
import type { ProxyAnswer } from "../../proxy/answer.ts";
import { one } from "../../proxy/parts.ts";
import { fullAnswer, isDocument, parsed } from "../../proxy/result-2.ts";
import { Faulty } from "./answers.ts";
import type { RestArrival } from "./arrival.ts";
import { isBinaryType } from "./to-event.ts";

/** "Payload size: 10 MB" (Quotas for REST APIs) */
export const mostBytes = 10 * 1024 * 1024;

/**
 * The answer that a function's result stands for (AWS_PROXY). Base64 is decoded only where what the client accepts first is binary for
 * the API. Throws Faulty: 502 for everything that is none.
 * Source: API Gateway Developer Guide, "Output format of a Lambda function for proxy integration", "Content type conversions".
 */
export function fromResult({ outcome }: InvocationResult, arrival: RestArrival): ProxyAnswer {
  const document = outcome.kind === "returned" ? parsed(outcome.payload)?.value : undefined;
  if (!isDocument(document) || document.statusCode === undefined) throw new Faulty("BAD_INTEGRATION");
  const [accepted = ""] = (one(arrival.parts.headers, "accept") ?? "").split(",");
  const isBase64Encoded = document.isBase64Encoded === true && isBinaryType(arrival, accepted);
  const answer = fullAnswer({ ...document, isBase64Encoded, cookies: undefined }, "application/json");
  if (answer === undefined || answer.body.length > mostBytes) throw new Faulty("BAD_INTEGRATION");
  return answer;
}
