import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../../../model/index.ts";
import { authorize, Refusal, sendRefusal } from "../../auth/index.ts";
import { holdBody, readBody } from "../../body.ts";
import { type ProxyAnswer, sendAnswer } from "../../proxy/answer.ts";
import type { RequestParts } from "../../proxy/parts.ts";
import type { GatewayNeeds } from "../needs.ts";
import { executeArn } from "../targets.ts";
import type { Connection, Connections } from "./connections.ts";

/** "WebSocket message payload size: 128 KB" (Quotas for WebSocket APIs) */
export const mostMessageBytes = 128 * 1024;
/** of what a client has yet to read, before nothing more is taken for it */
const mostUnread = 8 * 1024 * 1024;

/** Who asks about a connection of which stage; undefined `place`: of any that is the caller's. */
export interface ManagementCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly parts: RequestParts;
  readonly connectionId: string;
  readonly place: { readonly apiId: string; readonly stage: string } | undefined;
}

/**
 * Serves the `@connections` API: POST sends to a client, GET tells of it, DELETE ends it. Never rejects.
 * Source: API Gateway Developer Guide, "Use @connections commands in your backend service".
 */
export function createManagement(needs: GatewayNeeds, connections: Connections) {
  async function answered(call: ManagementCall): Promise<ProxyAnswer> {
    const { request, parts, connectionId, place } = call;
    const body = await readBody(request, mostMessageBytes, () => tooLarge());
    holdBody(request, body);
    const caller = await needs.signer(request, parts, "execute-api");
    if (caller === undefined) throw new Refusal("missing", "Missing Authentication Token");
    const connection = connections.find(connectionId);
    const { record, stage } = connection?.arrival ?? {};
    const { account: owner, region } =
      record ?? (place === undefined ? caller : (needs.apis.find(place.apiId) ?? caller));
    const apiId = record?.api.apiId ?? place?.apiId ?? "*";
    const stageName = stage?.stageName ?? place?.stage ?? "*";
    const resource = executeArn(
      { account: owner, region, apiId },
      `${stageName}/${parts.method}/@connections/${connectionId}`,
    );
    authorize(caller, { action: "execute-api:ManageConnections", resource, owner });
    const elsewhere = place !== undefined && (place.apiId !== apiId || place.stage !== stageName);
    if (connection === undefined || elsewhere || connection.socket.readyState !== connection.socket.OPEN) return gone;
    return managed(parts.method, connection, body);
  }

  async function managed(method: string, connection: Connection, body: Buffer): Promise<ProxyAnswer> {
    const { socket, arrival } = connection;
    if (method === "GET") {
      const { sourceIp, userAgent } = arrival.parts;
      const document = {
        connectedAt: new Date(connection.connectedAt).toISOString(),
        identity: { sourceIp, userAgent },
        lastActiveAt: new Date(connection.lastActiveAt).toISOString(),
      };
      return {
        status: 200,
        headers: [["content-type", "application/json"]],
        body: Buffer.from(JSON.stringify(document)),
      };
    }
    if (method === "DELETE") {
      socket.close(1000, "Connection Closed Normally");
      return { status: 204, headers: [], body: Buffer.alloc(0) };
    }
    if (method !== "POST") return failure("ForbiddenException", 403, "Forbidden");
    if (socket.bufferedAmount > mostUnread) {
      return failure("LimitExceededException", 429, "The client does not read what it is sent");
    }
    connection.lastActiveAt = Date.now();
    return (await sent(connection, body)) ? { status: 200, headers: [], body: Buffer.alloc(0) } : gone;
  }

  return async (call: ManagementCall): Promise<void> => {
    const { request, response, parts } = call;
    try {
      const answer = await answered(call);
      sendAnswer(response, answer, ["x-amzn-requestid", parts.requestId]);
    } catch (error) {
      const tooMuch = error instanceof ServiceError && error.code === "RequestTooLargeException";
      if (tooMuch) sendAnswer(response, failure("PayloadTooLargeException", 413, error.message), []);
      else if (error instanceof ServiceError && error.code === "AccessDeniedException") {
        sendAnswer(response, failure("ForbiddenException", 403, error.message), []);
      } else sendRefusal("rest-json", request, response, parts.requestId, error, needs.report);
    }
  };
}

/** Text, where it is text. False: the client is gone. */
export function sent({ socket }: Connection, body: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.send(body, { binary: false }, (error) => resolve(error === undefined || error === null));
  });
}

const failure = (code: string, status: number, message: string): ProxyAnswer => ({
  status,
  headers: [
    ["content-type", "application/json"],
    ["x-amzn-errortype", code],
  ],
  body: Buffer.from(JSON.stringify({ message })),
});

const gone: ProxyAnswer = {
  status: 410,
  headers: [
    ["content-type", "application/json"],
    ["x-amzn-errortype", "GoneException"],
  ],
  body: Buffer.from('{"message":"Gone"}'),
};

const tooLarge = (): ServiceError =>
  new ServiceError("RequestTooLargeException", `Message is longer than ${mostMessageBytes} bytes`);
