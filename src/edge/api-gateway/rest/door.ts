import type { IncomingMessage, ServerResponse } from "node:http";
import { monotonicMs, ServiceError } from "../../../model/index.ts";
import { Refusal } from "../../auth/index.ts";
import { holdBody } from "../../body.ts";
import { isStatus, type ProxyAnswer, sendAnswer } from "../../proxy/answer.ts";
import { bodyOf } from "../../proxy/body-of.ts";
import { one, partsOf } from "../../proxy/parts.ts";
import type { GatewayNeeds } from "../needs.ts";
import { Faulty, type GatewayFault, gatewayAnswer } from "./answers.ts";
import { type RestArrival, restArrival } from "./arrival.ts";
import { createRestAuthorizers } from "./authorize.ts";
import { mostBytes } from "./from-result.ts";
import { integrated } from "./integrate.ts";
import { createLimits } from "./limits.ts";
import type { RestApiRecord } from "./records.ts";
import { selectMethod } from "./select.ts";
import { type TestAnswer, type TestRequest, testArrival, testLog } from "./test-invoke.ts";
import { checkRequest } from "./validate.ts";

/** The data plane of REST APIs. */
export interface RestDoor {
  /** Answers a request for an API; `base`: what of the path comes before the stage. Never rejects. */
  serve(
    request: IncomingMessage,
    response: ServerResponse,
    record: RestApiRecord,
    base: string,
    requestId: string,
  ): Promise<void>;
  /** Has a method answer a request that nobody sent, without asking who may. */
  test(test: TestRequest, requestId: string): Promise<TestAnswer>;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
}

export function createRestDoor(needs: GatewayNeeds): RestDoor {
  const authorizers = createRestAuthorizers(needs);
  const limits = createLimits(needs.restApis, needs.registry);

  async function answered(request: IncomingMessage, arrival: RestArrival): Promise<ProxyAnswer> {
    const { parts, definition } = arrival;
    const selected = selectMethod(definition, parts.method, arrival.segments);
    if (selected === undefined) throw new Faulty("MISSING_AUTHENTICATION_TOKEN");
    limits.checkStage(arrival, selected);
    const body = await bodyOf(request, mostBytes, tooLarge);
    const { method } = selected;
    if (method.authorizationType === "AWS_IAM") holdBody(request, body);
    const { authorizer, identity, apiKey } = await authorizers.decide(request, arrival, selected);
    let known = identity;
    if (method.apiKeyRequired) {
      const byHeader = definition.settings?.apiKeySource !== "AUTHORIZER";
      const key = limits.checkKey(arrival, selected, byHeader ? one(parts.headers, "x-api-key") : apiKey);
      known = { ...identity, apiKey: key.value, apiKeyId: key.id };
    }
    checkRequest(arrival, selected, body);
    return integrated(needs, { arrival, selected, authorizer, identity: known }, body);
  }

  function faultOf(error: unknown): { readonly fault: GatewayFault; readonly detail?: string | undefined } {
    if (error instanceof Faulty) return error;
    if (error instanceof Refusal) return { fault: "ACCESS_DENIED", detail: error.message };
    if (!(error instanceof ServiceError)) {
      needs.report(error);
      return { fault: "API_CONFIGURATION_ERROR" };
    }
    if (error.code === "RequestTooLargeException") return { fault: "REQUEST_TOO_LARGE" };
    return { fault: "API_CONFIGURATION_ERROR" };
  }

  return {
    async serve(request, response, record, base, requestId) {
      const parts = partsOf(request, requestId);
      const own = ["x-amzn-requestid", requestId, "x-amz-apigw-id", requestId];
      const isClosed = record.api.disableExecuteApiEndpoint;
      const arrival = isClosed ? undefined : restArrival(needs.restApis, record, base, parts, request);
      if (arrival === undefined || arrival === "malformed") {
        const fault = arrival === undefined ? "FORBIDDEN" : "BAD_REQUEST_PARAMETERS";
        sendAnswer(response, gatewayAnswer(fault, arrival === undefined ? undefined : "Bad Request"), own);
        return;
      }
      const answer = await answered(request, arrival).catch((error: unknown) => {
        const { fault, detail } = faultOf(error);
        return gatewayAnswer(fault, detail, arrival);
      });
      // A mapping may name any status, and one below 200 would be no answer.
      const whole = isStatus(answer.status) ? answer : gatewayAnswer("BAD_INTEGRATION");
      const shown = { ...whole, headers: renamed(whole.headers) };
      if (!sendAnswer(response, shown, own))
        sendAnswer(response, gatewayAnswer("BAD_INTEGRATION", undefined, undefined), own);
    },
    async test(test, requestId) {
      const arrival = testArrival(test, requestId);
      const { resource, method, body = "" } = test;
      const tested = async (): Promise<ProxyAnswer> => {
        if (arrival === undefined) throw new Faulty("BAD_REQUEST_PARAMETERS", "Bad Request");
        const selected = { resource, method, pathParameters: arrival.pathParameters };
        checkRequest(arrival, selected, Buffer.from(body));
        return integrated(needs, { arrival, selected }, Buffer.from(body));
      };
      const begun = monotonicMs();
      const answer = await tested().catch((error: unknown) => {
        const { fault, detail } = faultOf(error);
        return gatewayAnswer(fault, detail, arrival);
      });
      const shown = {
        status: answer.status,
        body: answer.body.toString(),
        headers: Object.fromEntries(answer.headers),
        multiValueHeaders: Object.fromEntries(
          Map.groupBy(answer.headers, ([name]) => name)
            .entries()
            .map(([name, all]) => [name, all.map(([, value]) => value)]),
        ),
        latency: Math.round(monotonicMs() - begun),
      };
      return { ...shown, log: testLog(test, requestId, shown, Date.now()) };
    },
    forgetAuthorizations: authorizers.forget,
  };
}

/**
 * Headers of an integration that are the gateway's own are sent under another name. Source: API Gateway Developer Guide,
 * "Amazon API Gateway important notes".
 */
function renamed(headers: ProxyAnswer["headers"]): ProxyAnswer["headers"] {
  if (!headers.some(([name]) => ownNames.has(name.toLowerCase()))) return headers;
  return headers.map(([name, value]) =>
    ownNames.has(name.toLowerCase()) ? [`x-amzn-remapped-${name.toLowerCase()}`, value] : [name, value],
  );
}

const ownNames: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-md5",
  "date",
  "host",
  "server",
  "www-authenticate",
  "x-amz-apigw-id",
  "x-amzn-requestid",
]);

const tooLarge = (): ServiceError => new ServiceError("RequestTooLargeException", "Request Too Long");
