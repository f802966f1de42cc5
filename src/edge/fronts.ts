import type { IncomingMessage, ServerResponse } from "node:http";
import { domainOf } from "./api-gateway/arrival.ts";
import type { ApiGateway } from "./api-gateway/door.ts";
import type { GatewayNeeds } from "./api-gateway/needs.ts";
import type { FunctionUrlDoor } from "./function-url/door.ts";
import { addressOf } from "./proxy/address.ts";

/** The doors that turn HTTP requests into events of functions. */
export interface Fronts {
  /** Answers a request whose host or path is a front door's; never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void>;
  /** Is this a domain of somebody's own, with APIs behind it? */
  ownsDomain(host: string): boolean;
  /** Answers a request to such a domain; never rejects. */
  serveDomain(request: IncomingMessage, response: ServerResponse, host: string, requestId: string): Promise<void>;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
}

/** Each door's code is loaded with the first request for it. */
export function createFronts(needs: GatewayNeeds): Fronts {
  let functionUrls: Promise<FunctionUrlDoor> | undefined;
  let gateway: Promise<ApiGateway> | undefined;

  function loadedGateway(): Promise<ApiGateway> {
    gateway ??= import("./api-gateway/door.ts").then((room) => room.createApiGateway(needs));
    return gateway;
  }

  return {
    async serve(request, response, requestId) {
      const address = addressOf(request.headers.host ?? "", request.url ?? "/");
      if (address?.kind === "function-url") {
        functionUrls ??= import("./function-url/door.ts").then((room) => room.createFunctionUrlDoor(needs));
        return (await functionUrls)(request, response, address.id, requestId);
      }
      if (address?.kind === "api") return (await loadedGateway()).serve(request, response, address, requestId);
      request.resume();
      response.writeHead(404, { "content-type": "application/json" }).end('{"message":"Not Found"}');
    },
    ownsDomain: (host) => domainOf(needs.apis, host) !== undefined,
    async serveDomain(request, response, host, requestId) {
      return (await loadedGateway()).serveDomain(request, response, host, requestId);
    },
    forgetAuthorizations(apiId, stage) {
      void gateway?.then((room) => room.forgetAuthorizations(apiId, stage));
    },
  };
}
