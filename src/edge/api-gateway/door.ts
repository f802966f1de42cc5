import type { IncomingMessage, ServerResponse } from "node:http";
import { sendAnswer } from "../proxy/answer.ts";
import { partsOf, type RequestParts } from "../proxy/parts.ts";
import { arrivalOf, type Found, mappedArrival } from "./arrival.ts";
import { createAuthorizers } from "./authorizers/authorizers.ts";
import { createHttpApiDoor } from "./http/door.ts";
import { gatewayAnswer } from "./http/from-result.ts";
import type { GatewayNeeds } from "./needs.ts";
import { createThrottle } from "./throttle.ts";

/** The data plane of API Gateway. */
export interface ApiGateway {
  /** A request to an API's own host, or to its path form. Never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, api: ApiAddress, requestId: string): Promise<void>;
  /** A request to a domain that is mapped to APIs. Never rejects. */
  serveDomain(request: IncomingMessage, response: ServerResponse, host: string, requestId: string): Promise<void>;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
}

export interface ApiAddress {
  readonly id: string;
  /** what of the path comes before the stage */
  readonly base: string;
}

export function createApiGateway(needs: GatewayNeeds): ApiGateway {
  const { apis } = needs;
  const authorizers = createAuthorizers(needs);
  const http = createHttpApiDoor({ ...needs, authorizers, throttle: createThrottle() });

  async function answer(request: IncomingMessage, response: ServerResponse, parts: RequestParts, found: Found) {
    const own = ["apigw-requestid", parts.requestId];
    if (found === "malformed" || found === undefined) {
      request.resume();
      const said = found === undefined ? gatewayAnswer(404, "Not Found") : gatewayAnswer(400, "Bad Request");
      sendAnswer(response, said, own);
      return;
    }
    if (found.record.api.protocolType === "HTTP") return http(request, response, found);
    request.resume();
    // A WebSocket API has connections; what is no wish for one is refused.
    sendAnswer(response, gatewayAnswer(426, "Upgrade Required"), own);
  }

  return {
    async serve(request, response, { id, base }, requestId) {
      const parts = partsOf(request, requestId);
      const record = apis.find(id);
      const open = record !== undefined && record.api.disableExecuteApiEndpoint !== true;
      await answer(request, response, parts, open ? arrivalOf(apis, record, base, parts) : undefined);
    },
    async serveDomain(request, response, host, requestId) {
      const parts = partsOf(request, requestId);
      await answer(request, response, parts, mappedArrival(apis, host, parts));
    },
    forgetAuthorizations: authorizers.forget,
  };
}
