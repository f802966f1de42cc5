import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { sendAnswer } from "../proxy/answer.ts";
import { partsOf, type RequestParts } from "../proxy/parts.ts";
import { type Arrival, arrivalOf, type Found, mappedArrival } from "./arrival.ts";
import { createAuthorizers } from "./authorizers/authorizers.ts";
import { createHttpApiDoor } from "./http/door.ts";
import { gatewayAnswer } from "./http/from-result.ts";
import type { GatewayNeeds } from "./needs.ts";
import type { RestDoor } from "./rest/door.ts";
import type { TestAnswer, TestRequest } from "./rest/test-invoke.ts";
import { createThrottle } from "./throttle.ts";
import { createConnections } from "./websocket/connections.ts";
import type { WebSocketDoor } from "./websocket/door.ts";
import { createManagement } from "./websocket/management.ts";

/** The data plane of API Gateway. */
export interface ApiGateway {
  /** A request to an API's own host, its path form, or a domain that is mapped to APIs. Never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, place: Place, requestId: string): Promise<void>;
  /** A request to the management API of connections, at the platform's own host. Never rejects. */
  serveConnections(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void>;
  /** A wish for a WebSocket. Never rejects. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, place: Place, requestId: string): Promise<void>;
  /** TestInvokeMethod */
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
  /** Ends all WebSockets. */
  close(): Promise<void>;
}

/** An API and what of the path comes before the stage, or a domain of one's own. */
export type Place = { readonly id: string; readonly base: string } | { readonly domain: string };

const connectionsPath = "/@connections/";

export function createApiGateway(needs: GatewayNeeds): ApiGateway {
  const { apis } = needs;
  const shared = { ...needs, authorizers: createAuthorizers(needs), throttle: createThrottle() };
  const connections = createConnections();
  const http = createHttpApiDoor(shared);
  const manage = createManagement(needs, connections);
  let sockets: Promise<WebSocketDoor> | undefined;
  let rest: Promise<RestDoor> | undefined;

  function find(place: Place, parts: RequestParts): Found {
    if ("domain" in place) return mappedArrival(apis, place.domain, parts);
    const record = apis.find(place.id);
    if (record === undefined || record.api.disableExecuteApiEndpoint === true) return undefined;
    return arrivalOf(apis, record, place.base, parts);
  }

  async function other(request: IncomingMessage, response: ServerResponse, arrival: Arrival): Promise<void> {
    const { path, parts, record, stage } = arrival;
    if (!path.startsWith(connectionsPath)) {
      // A WebSocket API has connections; what is no wish for one is refused.
      sendAnswer(response, gatewayAnswer(426, "Upgrade Required"), ["apigw-requestid", parts.requestId]);
      return;
    }
    const connectionId = path.slice(connectionsPath.length);
    const place = { apiId: record.api.apiId, stage: stage.stageName };
    await manage({ request, response, parts, connectionId, place });
  }

  function restDoor(): Promise<RestDoor> {
    rest ??= import("./rest/door.ts").then((room) => room.createRestDoor(needs));
    return rest;
  }

  return {
    async serve(request, response, place, requestId) {
      const ofRest = "id" in place ? needs.restApis.find(place.id) : undefined;
      if (ofRest !== undefined && "id" in place) {
        return (await restDoor()).serve(request, response, ofRest, place.base, requestId);
      }
      const parts = partsOf(request, requestId);
      const found = find(place, parts);
      if (found === "malformed" || found === undefined) {
        const said = found === undefined ? gatewayAnswer(404, "Not Found") : gatewayAnswer(400, "Bad Request");
        sendAnswer(response, said, ["apigw-requestid", requestId]);
        return;
      }
      await (found.record.api.protocolType === "HTTP" ? http : other)(request, response, found);
    },
    async serveConnections(request, response, requestId) {
      const parts = partsOf(request, requestId);
      let connectionId = "";
      try {
        connectionId = decodeURIComponent(parts.path.slice(connectionsPath.length));
      } catch {
        // Nobody has an id that is not well encoded.
      }
      await manage({ request, response, parts, connectionId, place: undefined });
    },
    async upgrade(request, socket, head, place, requestId) {
      socket.on("error", () => {});
      const parts = partsOf(request, requestId);
      const found = find(place, parts);
      const { createWebSocketDoor, refuse } = await import("./websocket/door.ts");
      if (found === undefined || found === "malformed" || found.record.api.protocolType !== "WEBSOCKET") {
        return refuse(socket, 403);
      }
      sockets ??= Promise.resolve(createWebSocketDoor({ ...shared, connections }));
      await (await sockets).connect(request, socket, head, found);
    },
    testMethod: async (test, requestId) => (await restDoor()).test(test, requestId),
    forgetAuthorizations(apiId, stage) {
      shared.authorizers.forget(apiId, stage);
      void rest?.then((door) => door.forgetAuthorizations(apiId, stage));
    },
    async close() {
      await (await sockets)?.close();
    },
  };
}
