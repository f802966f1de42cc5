import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { BalancerDoor, BalancerNeeds } from "./alb/door.ts";
import { domainOf } from "./api-gateway/arrival.ts";
import type { ApiGateway, Place } from "./api-gateway/door.ts";
import type { GatewayNeeds } from "./api-gateway/needs.ts";
import type { TestAnswer, TestRequest } from "./api-gateway/rest/test-invoke.ts";
import type { FunctionUrlDoor, FunctionUrlNeeds } from "./function-url/door.ts";
import { addressOf } from "./proxy/address.ts";

/** The doors that turn HTTP requests into events of functions. */
export interface Fronts {
  /** Answers a request whose host or path is a front door's; never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void>;
  /** Is this a domain of somebody's own, with APIs behind it? */
  ownsDomain(host: string): boolean;
  /** Answers a request to such a domain; never rejects. */
  serveDomain(request: IncomingMessage, response: ServerResponse, host: string, requestId: string): Promise<void>;
  /** Answers a wish for a WebSocket, wherever it is for; never rejects. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, requestId: string): Promise<void>;
  /** TestInvokeMethod of a REST API */
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
  /** Ends all WebSockets. */
  close(): Promise<void>;
}

export type FrontsNeeds = GatewayNeeds & BalancerNeeds & Pick<FunctionUrlNeeds, "urlAnswered">;

/** Each door's code is loaded with the first request for it. */
export function createFronts(needs: FrontsNeeds): Fronts {
  let functionUrls: Promise<FunctionUrlDoor> | undefined;
  let gateway: Promise<ApiGateway> | undefined;
  let balancers: Promise<BalancerDoor> | undefined;

  function loadedGateway(): Promise<ApiGateway> {
    gateway ??= import("./api-gateway/door.ts").then((room) => room.createApiGateway(needs));
    return gateway;
  }
  const addressed = ({ headers, url }: IncomingMessage) => addressOf(headers.host ?? "", url ?? "/");

  return {
    async serve(request, response, requestId) {
      const address = addressed(request);
      if (address?.kind === "function-url") {
        functionUrls ??= import("./function-url/door.ts").then((room) => room.createFunctionUrlDoor(needs));
        return (await functionUrls)(request, response, address.id, requestId);
      }
      if (address?.kind === "balancer") {
        balancers ??= import("./alb/door.ts").then((room) => room.createBalancerDoor(needs));
        return (await balancers)(request, response, address, requestId);
      }
      const room = await loadedGateway();
      if (address?.kind === "connections") return room.serveConnections(request, response, requestId);
      return room.serve(request, response, address ?? nowhere, requestId);
    },
    ownsDomain: (host) => domainOf(needs.apis, host) !== undefined,
    async serveDomain(request, response, domain, requestId) {
      return (await loadedGateway()).serve(request, response, { domain }, requestId);
    },
    async upgrade(request, socket, head, requestId) {
      const address = addressed(request);
      const domain = (request.headers.host ?? "").replace(/:\d+$/, "");
      const place = address === undefined ? { domain } : address.kind === "api" ? address : nowhere;
      await (await loadedGateway()).upgrade(request, socket, head, place, requestId);
    },
    testMethod: async (test, requestId) => (await loadedGateway()).testMethod(test, requestId),
    forgetAuthorizations(apiId, stage) {
      void gateway?.then((room) => room.forgetAuthorizations(apiId, stage));
    },
    async close() {
      await (await gateway)?.close();
    },
  };
}

/** Where no API is. */
const nowhere: Place = { id: "", base: "" };
