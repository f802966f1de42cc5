import type { IncomingMessage, ServerResponse } from "node:http";
import { type InvocationResult, limits, monotonicMs, ServiceError } from "../../model/index.ts";
import type { FunctionUrlRecord, Registry } from "../../registry/index.ts";
import { Refusal } from "../auth/index.ts";
import { holdBody } from "../body.ts";
import type { Caller } from "../caller.ts";
import { jsonAnswer, type ProxyAnswer, sendAnswer } from "../proxy/answer.ts";
import { bodyOf } from "../proxy/body-of.ts";
import { type CallNeeds, callFunction } from "../proxy/call.ts";
import { type CorsRules, corsHeaders, isPreflight, preflightHeaders, withCors } from "../proxy/cors.ts";
import { one, partsOf, type RequestParts } from "../proxy/parts.ts";
import { isAllowed } from "./access.ts";
import { badGateway, fromResult } from "./from-result.ts";
import { answerStream } from "./stream.ts";
import { toEvent } from "./to-event.ts";
import { createUrls, type UrlPlace } from "./urls.ts";

export type AnsweredUrl = Pick<UrlPlace, "account" | "region" | "name" | "qualifier">;

export interface FunctionUrlNeeds extends Omit<CallNeeds, "registry"> {
  readonly registry: Registry;
  /**
   * Who signed a request for a service. Rejects with Refusal when a signature is wrong; undefined: it has none. Where signatures are not
   * checked, whoever it says.
   */
  signer(request: IncomingMessage, parts: RequestParts, service: string): Promise<Caller | undefined>;
  /** Told of every answer to a URL that exists: its status, and how long it took, milliseconds. */
  readonly urlAnswered?: ((url: AnsweredUrl, status: number, ms: number) => void) | undefined;
  report(error: unknown): void;
}

/** Answers requests to function URLs; never rejects. */
export type FunctionUrlDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  urlId: string,
  requestId: string,
) => Promise<void>;

const seeTheGuide =
  "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

export function createFunctionUrlDoor(needs: FunctionUrlNeeds): FunctionUrlDoor {
  const find = createUrls(needs.registry);

  async function serve(request: IncomingMessage, response: ServerResponse, urlId: string, requestId: string) {
    const parts = partsOf(request, requestId);
    const place = find(urlId);
    if (place !== undefined && needs.urlAnswered !== undefined) {
      response.once("close", () => {
        needs.urlAnswered?.(place, response.statusCode, monotonicMs() - parts.received);
      });
    }
    const cors = place === undefined ? undefined : rulesOf(place.record);
    const shared = cors === undefined ? [] : corsHeaders(cors, parts.headers);
    const own = ["x-amzn-requestid", requestId, "x-amzn-trace-id", one(parts.headers, "x-amzn-trace-id") ?? ""];
    const send = (answer: ProxyAnswer) => {
      const headers = cors === undefined ? answer.headers : withCors(answer.headers, shared);
      if (!sendAnswer(response, { ...answer, headers }, own)) sendAnswer(response, badGateway, own);
    };
    try {
      if (place === undefined) return send(failure("ResourceNotFoundException", 404, { Message: null }));
      if (cors !== undefined && isPreflight(parts)) {
        const answer = { status: 200, headers: preflightHeaders(cors, parts.headers), body: Buffer.alloc(0) };
        return void sendAnswer(response, answer, own);
      }
      const body = await bodyOf(request, limits.syncPayloadBytes, tooLarge);
      if (place.record.authType !== "NONE") holdBody(request, body);
      const caller = await admitted(request, parts, place);
      if (caller === "nobody") return send(failure("AccessDeniedException", 403, { Message: "Forbidden" }));
      if (!isAllowed(needs.registry, place, parts, caller)) {
        return send(failure("AccessDeniedException", 403, { Message: seeTheGuide }));
      }
      const payload = toEvent(parts, body, place.record, caller);
      if (payload.length > limits.syncPayloadBytes) throw tooLarge();
      await run(place, parts, payload, response, send, (headers) => [
        ...(cors === undefined ? headers : withCors(headers, shared)),
        ["x-amzn-requestid", requestId],
      ]);
    } catch (error) {
      if (response.headersSent) {
        needs.report(error);
        response.destroy();
      } else send(failed(error));
    }
  }

  /** Who signed; undefined: nobody has to; `nobody`: somebody had to, and did not. */
  async function admitted(request: IncomingMessage, parts: RequestParts, { record }: UrlPlace) {
    if (record.authType === "NONE") return undefined;
    return (await needs.signer(request, parts, "lambda")) ?? "nobody";
  }

  async function run(
    place: UrlPlace,
    parts: RequestParts,
    payload: Buffer,
    response: ServerResponse,
    send: (answer: ProxyAnswer) => void,
    decorate: Parameters<typeof answerStream>[1],
  ): Promise<void> {
    const { account, region, name, qualifier } = place;
    const { requestId, received } = parts;
    const traceId = one(parts.headers, "x-amzn-trace-id");
    const call = { account, region, name, qualifier, payload, requestId, traceId, received };
    if (place.record.invokeMode === "BUFFERED") {
      send(fromResult(await callFunction(needs, call)));
      return;
    }
    const stream = answerStream(response, decorate);
    const { outcome } = await callFunction(needs, { ...call, onStream: stream.sink });
    if (outcome.kind === "returned") send(wholeAnswer(outcome));
    else if (stream.malformed || (outcome.kind === "failed" && !stream.begun)) send(badGateway);
    else if (outcome.kind === "failed" || outcome.error !== undefined) {
      if (stream.begun) response.destroy();
      else send(badGateway);
    } else stream.end();
  }

  function failed(error: unknown): ProxyAnswer {
    if (error instanceof Refusal) return failure("InvalidSignatureException", 403, { message: error.message });
    if (!(error instanceof ServiceError)) {
      needs.report(error);
      return badGateway;
    }
    const { code, kind, message, fields } = error;
    if (code === "TooManyRequestsException") {
      return failure(code, 429, { Reason: fields.Reason, Type: "User", message });
    }
    if (code === "RequestTooLargeException") return failure(code, 413, { Message: message });
    if (code === "InvalidRequestContentException") return failure(code, 400, { Message: message });
    // Not yet, or no more, to be invoked: what a gateway says of what stands behind it.
    if (kind.status === 409) return failure(code, 503, { Message: "Service Unavailable" });
    return badGateway;
  }

  return serve;
}

/** A function that does not stream: its result, as it is. */
function wholeAnswer(outcome: Extract<InvocationResult["outcome"], { kind: "returned" }>): ProxyAnswer {
  return { status: 200, headers: [["content-type", "application/json"]], body: outcome.payload };
}

const failure = (code: string, status: number, document: object): ProxyAnswer =>
  jsonAnswer(status, document, [["x-amzn-errortype", code]]);

const tooLarge = (): ServiceError =>
  new ServiceError(
    "RequestTooLargeException",
    `Request must be smaller than ${limits.syncPayloadBytes} bytes for the InvokeFunction operation`,
  );

const rules = new WeakMap<FunctionUrlRecord, CorsRules>();

function rulesOf(record: FunctionUrlRecord): CorsRules | undefined {
  if (record.cors === undefined) return undefined;
  const known = rules.get(record);
  if (known !== undefined) return known;
  const { AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders, AllowCredentials, MaxAge } = record.cors;
  const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const made: CorsRules = {
    origins: texts(AllowOrigins),
    methods: texts(AllowMethods),
    headers: texts(AllowHeaders),
    exposed: texts(ExposeHeaders),
    credentials: AllowCredentials === true,
    maxAge: typeof MaxAge === "number" ? MaxAge : undefined,
  };
  rules.set(record, made);
  return made;
}
