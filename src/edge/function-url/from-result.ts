import type { InvocationResult } from "../../model/index.ts";
import type { ProxyAnswer } from "../proxy/answer.ts";
import { answerOf2 } from "../proxy/result-2.ts";

/** What the client gets whose function failed, or said nothing that is an answer. */
export const badGateway: ProxyAnswer = {
  status: 502,
  headers: [["content-type", "application/json"]],
  body: Buffer.from("Internal Server Error"),
};

/** The answer that a function's result stands for. Source: Lambda Developer Guide, "Response payload format". */
export function fromResult({ outcome }: InvocationResult): ProxyAnswer {
  if (outcome.kind !== "returned") return badGateway;
  return answerOf2(outcome.payload, "application/json") ?? badGateway;
}
