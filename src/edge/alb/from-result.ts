import { STATUS_CODES } from "node:http";
import type { InvocationResult } from "../../model/index.ts";
import type { ProxyAnswer } from "../proxy/answer.ts";
import { fullAnswer, isDocument, parsed } from "../proxy/result-2.ts";

/** "The maximum size of the request body / response JSON that you can send to / from a Lambda function is 1 MB." */
export const mostBytes = 1024 * 1024;

/** An answer with what stands beside its status. */
export interface BalancerAnswer extends ProxyAnswer {
  readonly description?: string | undefined;
}

/** What the load balancer itself says. */
export function ownAnswer(status: number, headers: ProxyAnswer["headers"] = []): BalancerAnswer {
  const title = `${status} ${STATUS_CODES[status] ?? ""}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: [["server", "awselb/2.0"], ["content-type", "text/html"], ...headers], body };
}

/** The answer that a function's result stands for; what is malformed or larger than 1 MB is 502. `many`: as in toEvent. */
export function fromResult({ outcome }: Pick<InvocationResult, "outcome">, many: boolean): BalancerAnswer {
  if (outcome.kind !== "returned" || outcome.payload.length > mostBytes) return ownAnswer(502);
  const document = parsed(outcome.payload)?.value;
  if (!isDocument(document) || document.statusCode === undefined) return ownAnswer(502);
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded, statusDescription } = document;
  // Only one of the two kinds of headers counts.
  const shown = many ? { multiValueHeaders } : { headers };
  const answer = fullAnswer({ statusCode, ...shown, body, isBase64Encoded }, "application/octet-stream");
  if (answer === undefined) return ownAnswer(502);
  const [, reason] = /^\d{3} ([\x20-\x7e]+)$/.exec(String(statusDescription)) ?? [];
  return { ...answer, description: reason };
}
