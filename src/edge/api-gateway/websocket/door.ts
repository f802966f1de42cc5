import { randomUUID } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { ServiceError } from "../../../model/index.ts";
import { Refusal } from "../../auth/index.ts";
import { joined, queryOf } from "../../proxy/parts.ts";
import type { Arrival } from "../arrival.ts";
import type { Authorizers } from "../authorizers/authorizers.ts";
import type { GatewayNeeds } from "../needs.ts";
import type { Route } from "../records.ts";
import type { Throttle } from "../throttle.ts";
import { type Connection, type Connections, newConnectionId } from "./connections.ts";
import { type Integrated, integrate } from "./integrate.ts";
import { mostMessageBytes, sent } from "./management.ts";
import { messageRoute, routeOf } from "./select.ts";
import { authorizerEvent, type Connected, connectEvent, disconnectEvent, type Gone, messageEvent } from "./to-event.ts";

export interface WebSocketNeeds extends GatewayNeeds {
  readonly authorizers: Authorizers;
  readonly throttle: Throttle;
  readonly connections: Connections;
  /** milliseconds; left out: API Gateway's own */
  readonly idleMs?: number;
  readonly lifeMs?: number;
}

export interface WebSocketDoor {
  /** Answers a wish to connect to a stage; never rejects. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, arrival: Arrival): Promise<void>;
  /** Ends all connections, and waits until their functions have heard of it. */
  close(): Promise<void>;
}

/** "Idle connection timeout: 10 minutes", "Connection duration: 2 hours" (Quotas for WebSocket APIs) */
const idle = 10 * 60_000;
const life = 2 * 3600_000;
/** messages of one client whose functions run; it is not read further meanwhile */
const mostAtOnce = 50;

export function createWebSocketDoor(needs: WebSocketNeeds): WebSocketDoor {
  const { connections, idleMs = idle, lifeMs = life } = needs;
  /** which of a client's protocols is spoken, as its function has said in a header of its answer */
  const protocols = new WeakMap<IncomingMessage, string>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: mostMessageBytes,
    perMessageDeflate: false,
    handleProtocols(offered, request) {
      const chosen = protocols.get(request) ?? "";
      return offered.has(chosen) ? chosen : false;
    },
  });
  const working = new Set<Promise<unknown>>();

  const track = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => {}).finally(() => working.delete(settled));
    working.add(settled);
    return work;
  };

  async function connect(request: IncomingMessage, socket: Duplex, head: Buffer, arrival: Arrival): Promise<void> {
    // Before a function hears of a connection that there will never be.
    if (!isHandshake(request)) return refuse(socket, 400);
    const connected = { id: newConnectionId(), arrival, connectedAt: Date.now(), authorizer: undefined };
    const route = routeOf(arrival.definition, "$connect");
    try {
      const admitted = await admission(request, connected, route);
      if (typeof admitted === "number") return refuse(socket, admitted);
      // The client may have gone while its function was asked.
      if (socket.destroyed) return;
      const { headers, authorizer } = admitted;
      const protocol = Object.entries(headers).find(([name]) => name.toLowerCase() === "sec-websocket-protocol")?.[1];
      if (typeof protocol === "string") protocols.set(request, protocol);
      server.handleUpgrade(request, socket, head, (client) => open(client, { ...connected, authorizer }));
    } catch (error) {
      if (error instanceof Refusal) return refuse(socket, 403);
      if (!(error instanceof ServiceError)) needs.report(error);
      refuse(socket, error instanceof ServiceError && error.code === "TooManyRequestsException" ? 429 : 500);
    }
  }

  /** What `$connect` has said, or the status of a refusal. */
  async function admission(
    request: IncomingMessage,
    connected: Connected,
    route: Route | undefined,
  ): Promise<number | { readonly headers: Integrated["headers"]; readonly authorizer: object | undefined }> {
    const { arrival } = connected;
    if (!needs.throttle.admits(arrival.record, arrival.stage, "$connect")) return 429;
    if (route === undefined) return { headers: {}, authorizer: undefined };
    const granted = await needs.authorizers.decide({
      request,
      parts: arrival.parts,
      record: arrival.record,
      stage: arrival.stage,
      route,
      authorizers: arrival.definition.authorizers,
      part: `${arrival.stage.stageName}/$connect`,
      standsFor: (source) => identityOf(source, arrival),
      eventFor: (_authorizer, _identity, arn) => authorizerEvent(connected, "$connect", request, arn),
    });
    if (typeof granted === "string") return { unauthorized: 401, forbidden: 403, failed: 500 }[granted];
    const authorizer = granted?.shown1;
    const event = connectEvent({ ...connected, authorizer }, "$connect", request);
    const work = { arrival, route, event, message: Buffer.alloc(0), requestId: arrival.parts.requestId };
    const answer = await track(integrate(needs, work));
    if (answer === undefined) return 502;
    return answer.status >= 200 && answer.status < 300 ? { headers: answer.headers, authorizer } : answer.status;
  }

  function open(socket: WebSocket, connected: Connected): void {
    const connection: Connection = { ...connected, socket, lastActiveAt: Date.now() };
    connections.add(connection);
    let running = 0;
    const expire = () => socket.close(1001, "Going away");
    const silence = setTimeout(expire, idleMs);
    const lifetime = setTimeout(expire, lifeMs);
    const alive = () => {
      connection.lastActiveAt = Date.now();
      silence.refresh();
    };
    socket.on("ping", alive);
    socket.on("pong", alive);
    socket.on("message", (data: RawData, isBinary: boolean) => {
      alive();
      running += 1;
      if (running >= mostAtOnce) socket.pause();
      void track(receive(connection, data as Buffer, isBinary)).finally(() => {
        running -= 1;
        if (running < mostAtOnce && socket.isPaused) socket.resume();
      });
    });
    socket.on("error", () => {});
    socket.on("close", (code: number, reason: Buffer) => {
      clearTimeout(silence);
      clearTimeout(lifetime);
      connections.remove(connection.id);
      void track(farewell(connection, { code, reason: reason.toString("utf8") }));
    });
  }

  async function receive(connection: Connection, body: Buffer, isBinary: boolean): Promise<void> {
    const arrival = current(connection);
    const { record, definition, stage } = arrival;
    const requestId = randomUUID();
    const tell = (message: string) =>
      sent(connection, Buffer.from(JSON.stringify({ message, connectionId: connection.id, requestId })));
    const route = messageRoute(definition, record.api.routeSelectionExpression, body, isBinary);
    if (route === undefined) return void (await tell("Forbidden"));
    if (!needs.throttle.admits(record, stage, route.routeKey)) return void (await tell("Too Many Requests"));
    const event = messageEvent({ ...connection, arrival }, route.routeKey, body, isBinary);
    try {
      const answer = await integrate(needs, { arrival, route, event, message: body, requestId });
      if (answer === undefined) return void (await tell("Internal server error"));
      if (answersBack(arrival, route) && answer.body !== undefined) await sent(connection, answer.body);
    } catch (error) {
      if (!(error instanceof ServiceError)) needs.report(error);
      await tell("Internal server error");
    }
  }

  /** Nobody is left to hear what comes of it. */
  async function farewell(connection: Connection, gone: Gone): Promise<void> {
    const arrival = current(connection);
    const route = routeOf(arrival.definition, "$disconnect");
    if (route === undefined) return;
    const event = disconnectEvent({ ...connection, arrival }, "$disconnect", gone);
    try {
      await integrate(needs, { arrival, route, event, message: Buffer.alloc(0), requestId: randomUUID() });
    } catch (error) {
      if (!(error instanceof ServiceError)) needs.report(error);
    }
  }

  /** The API as it is now: who is connected takes part in every deployment. */
  function current({ arrival }: Connection): Arrival {
    const record = needs.apis.find(arrival.record.api.apiId);
    const stage = record?.stages[arrival.stage.stageName];
    const definition = record === undefined || stage === undefined ? undefined : needs.apis.serving(record, stage);
    if (record === undefined || stage === undefined || definition === undefined) return arrival;
    return { ...arrival, record, stage, definition };
  }

  return {
    connect,
    async close() {
      const clients = [...connections.all()].map(({ socket }) => socket);
      const gone = clients.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())));
      for (const socket of clients) socket.close(1001, "Going away");
      // Who does not answer is cut off.
      const cut = setTimeout(() => {
        for (const socket of clients) socket.terminate();
      }, 500);
      await Promise.all(gone);
      clearTimeout(cut);
      await Promise.all(working);
    },
  };
}

/** Two-way: the route says that it answers, and has a response. */
function answersBack({ record }: Arrival, { routeId, routeResponseSelectionExpression }: Route): boolean {
  return routeResponseSelectionExpression !== undefined && Object.keys(record.responses[routeId] ?? {}).length > 0;
}

/** `route.request.header.X`, `route.request.querystring.x`, `stageVariables.x`, `context.x` */
function identityOf(source: string, { parts, stage }: Arrival): string | undefined {
  const [, where, name = ""] =
    /^(route\.request\.header|route\.request\.querystring|stageVariables|context)\.(.+)$/.exec(source) ?? [];
  if (where === "route.request.header") return joined(parts.headers, name.toLowerCase());
  if (where === "route.request.querystring") return queryOf(parts.query).get(name)?.join(",");
  if (where === "stageVariables") return stage.stageVariables[name];
  return name === "identity.sourceIp" ? parts.sourceIp : undefined;
}

/** RFC 6455, 4.2.1 */
const isHandshake = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" &&
  headers["sec-websocket-version"] === "13" &&
  /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
  (headers["content-length"] ?? "0") === "0" &&
  headers["transfer-encoding"] === undefined;

/** Answers a wish to connect with something else. */
export function refuse(socket: Duplex, status: number): void {
  const text = JSON.stringify({ message: STATUS_CODES[status] ?? "Internal server error" });
  socket.on("error", () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
