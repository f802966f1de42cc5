import { type Delivery, DeliveryRefused } from "../queue/index.ts";
import type { Place, Remote } from "../remote/index.ts";
import { requestFor } from "./requests.ts";

export interface DestinationsNeeds {
  /** Where a service is, for what belongs to this account; asked for each delivery. Throws when it is nowhere. */
  place(service: string, account: string, roleArn?: string): Place;
  send: Remote["send"];
}

/** How long a destination may take to answer, milliseconds. */
const patienceMs = 20_000;

/** Error codes and statuses that may be gone the next time. */
const passing =
  /Throttl|TooManyRequests|RequestLimitExceeded|ServiceUnavailable|SlowDown|InternalFailure|NotImplemented/i;

/**
 * Sends to SQS, SNS, EventBridge and S3 over HTTP, signed with Signature Version 4. Rejects with DeliveryRefused when the
 * service understood and said no, with any other error when nobody answered or the answer may be another one later.
 */
export function createDestinations(needs: DestinationsNeeds): (delivery: Delivery) => Promise<void> {
  return async (delivery) => {
    const request = requestFor(delivery);
    if (request === undefined) throw new DeliveryRefused(`${delivery.arn} is nothing that can be sent to`);
    const place = needs.place(request.service, accountOf(delivery), delivery.roleArn);
    const answer = await needs.send(request, place, { timeoutMs: patienceMs });
    const said = answer.body.toString("utf8");
    if (answer.status >= 200 && answer.status < 300) {
      const refusal = request.refusal?.(said);
      if (refusal !== undefined) throw errorOf(refusal);
      return;
    }
    throw errorOf(`${answer.status} ${said.slice(0, 500)}`, answer.status);
  };
}

function errorOf(text: string, status = 400): Error {
  return status >= 500 || status === 429 || status === 408 || passing.test(text)
    ? new Error(text)
    : new DeliveryRefused(text);
}

/** Buckets have no account in their ARN. What a rule, a schedule or a bucket sends is sent by its own account. */
const accountOf = ({ kind, arn, account }: Delivery): string =>
  kind === "event" ? account : arn.split(":")[4] || account;
