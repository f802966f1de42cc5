import { type Delivery, DeliveryRefused } from "../queue/index.ts";
import { requestFor } from "./requests.ts";

/** Where the services are that records and dead letters go to. */
export interface Upstream {
  /**
   * base URL of everything (`http://127.0.0.1:4566`), or `aws` for AWS's own endpoints; asked for each delivery, because the
   * platform itself is where they go to unless it was told otherwise
   */
  readonly url: string;
  readonly credentials: Credentials;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface DestinationsNeeds {
  /** for what belongs to this account */
  upstream(account: string): Upstream;
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
    const { url, credentials } = needs.upstream(accountOf(delivery));
    const own = `https://${request.service === "s3" ? "s3" : request.endpoint}.${request.region}.amazonaws.com`;
    const base = new URL(url === "aws" ? own : url);
    const { default: aws4 } = await import("aws4");
    const prefix = base.pathname.replace(/\/$/, "");
    const signed = aws4.sign(
      {
        host: base.host,
        path: prefix + request.path,
        method: request.method,
        headers: { ...request.headers },
        body: request.body,
        service: request.service,
        region: request.region,
      },
      credentials,
    );
    const { Host: _host, "Content-Length": _length, ...headers } = signed.headers as Record<string, string>;
    const answer = await fetch(new URL(prefix + request.path, base), {
      method: request.method,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: request.body,
      signal: AbortSignal.timeout(patienceMs),
      redirect: "manual",
    });
    const said = await answer.text();
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

/** Buckets have no account in their ARN. */
const accountOf = ({ arn, account }: Delivery): string => arn.split(":")[4] || account;
