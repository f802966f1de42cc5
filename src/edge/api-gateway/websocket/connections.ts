import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import type { Arrival } from "../arrival.ts";

/** A client that is connected to a stage of a WebSocket API. */
export interface Connection {
  /** 15 letters and `=`, as API Gateway's look */
  readonly id: string;
  /** where it came in; the API may have changed since */
  readonly arrival: Arrival;
  /** milliseconds since the epoch */
  readonly connectedAt: number;
  lastActiveAt: number;
  /** `requestContext.authorizer` of all its events */
  readonly authorizer: object | undefined;
  readonly socket: WebSocket;
}

/** All clients, by connection id. A restart of the platform ends them, as it ends their sockets. */
export interface Connections {
  add(connection: Connection): void;
  remove(id: string): void;
  /** `stage`: of the API that must own it */
  find(id: string): Connection | undefined;
  all(): Iterable<Connection>;
  readonly size: number;
}

export function createConnections(): Connections {
  const byId = new Map<string, Connection>();
  return {
    add: (connection) => void byId.set(connection.id, connection),
    remove: (id) => void byId.delete(id),
    find: (id) => byId.get(id),
    all: () => byId.values(),
    get size() {
      return byId.size;
    },
  };
}

export const newConnectionId = (): string => `${randomBytes(11).toString("base64url").replace(/[-_]/g, "x")}=`;
