import { randomUUID } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "../remote/index.ts";
import { invokedName } from "./lambda-api/invoke.ts";
import type { Certificate, MixedServer } from "./mixed.ts";
import { isFrontHost, isFrontPath } from "./proxy/address.ts";

export interface HttpNeeds {
  /** a request to a host or path that stands for a function: nothing of it is the platform's own */
  front(request: IncomingMessage, response: ServerResponse, requestId: string): void;
  /** an invocation: found before anything else is looked at */
  invoke(request: IncomingMessage, response: ServerResponse, name: string, query: string, requestId: string): void;
  /** a wish for a WebSocket */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, requestId: string): void;
  /** everything else */
  other(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one */
  readonly port: number;
  /** Unix socket on which the same is served, for sandboxes without a network; a stale one is replaced */
  readonly socketPath?: string | undefined;
  /** HTTP/2 on the port, too, of clients that know of it beforehand */
  readonly http2?: boolean | undefined;
  /** milliseconds that a client may take for a request's head, or say nothing of HTTP/2; left out: a minute, and somewhat more */
  readonly silenceMs?: number | undefined;
  /** TLS on the port, too, with HTTP/1.1 and HTTP/2 in it: by this certificate, or by one of our own for a region's hosts, kept in a folder */
  readonly tls?: Certificate | { readonly folder: string; readonly region: string } | undefined;
}

export interface HttpDoor {
  /** Resolves when both are listening. Rejects with Node's error (EADDRINUSE …), with nothing left open. */
  listen(options: ListenOptions): Promise<{ readonly port: number }>;
  /** Accepts nothing new, lets what runs finish for at most `ms`, then cuts it off. */
  drain(ms: number): Promise<void>;
}

/** HTTP ends here: one listener on a TCP port and on a Unix socket. */
export function createHttpDoor(needs: HttpNeeds): HttpDoor {
  const servers: Server[] = [];
  let mixed: MixedServer | undefined;
  let draining = false;

  const listener: RequestListener = (request, response) => {
    // HTTP/2 has a pseudo header for it (RFC 9113, 8.3.1).
    if (request.httpVersionMajor === 2) request.headers.host ??= request.headers[":authority"] as string;
    const requestId = randomUUID();
    if (draining) response.shouldKeepAlive = false;
    if (!hasOneHost(request)) {
      // HTTP/2 has no such header: there a stream ends alone.
      response.writeHead(400, request.httpVersionMajor === 2 ? {} : { connection: "close" }).end();
      return;
    }
    const target = request.url ?? "/";
    if (isFrontHost(request.headers.host ?? "") || isFrontPath(target)) {
      needs.front(request, response, requestId);
      return;
    }
    const mark = target.indexOf("?");
    const path = mark === -1 ? target : target.slice(0, mark);
    const name = invokedName(request.method ?? "", path);
    if (name !== undefined) {
      needs.invoke(request, response, name, mark === -1 ? "" : target.slice(mark + 1), requestId);
      return;
    }
    const url = urlOf(target, request.headers.host);
    if (url === undefined) {
      response.writeHead(400, { connection: "close" }).end();
      return;
    }
    needs.other(request, response, url, requestId);
  };

  function newServer(silenceMs = 60_000): Server {
    // Who offers anything else than WebSocket (Java's client: h2c) is answered as if it had not.
    const shouldUpgradeCallback = (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === "websocket";
    const server = http.createServer(
      {
        keepAlive: true,
        noDelay: true,
        shouldUpgradeCallback,
        connectionsCheckingInterval: Math.min(30_000, silenceMs / 2),
      },
      listener,
    );
    server.on("upgrade", (request, socket, head) => {
      if (hasOneHost(request)) needs.upgrade(request, socket, head, randomUUID());
      else
        socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    // Longer than clients keep theirs (the SDKs: about a minute), so that it is they who close an idle connection.
    server.keepAliveTimeout = 75_000;
    server.headersTimeout = silenceMs;
    // Of receiving a request, not of answering it: 5 GB for S3 on a slow line.
    server.requestTimeout = 3600_000;
    return server;
  }

  /** Resolves with the port. */
  async function listenTcp({ host, port, http2 = false, tls, silenceMs }: ListenOptions): Promise<number> {
    const tcp = newServer(silenceMs);
    if (!http2 && tls === undefined) {
      servers.push(tcp);
      await listening(tcp, () => tcp.listen(port, host));
      return (tcp.address() as AddressInfo).port;
    }
    const { createMixedServer } = await import("./mixed.ts");
    const server = createMixedServer(tcp, listener, await certificateOf(tls), silenceMs);
    await server.listen(port, host);
    mixed = server;
    return server.port();
  }

  async function listen(options: ListenOptions): Promise<{ port: number }> {
    const { socketPath } = options;
    try {
      const port = await listenTcp(options);
      if (socketPath !== undefined) {
        rmSync(socketPath, { force: true });
        const unix = newServer();
        servers.push(unix);
        await listening(unix, () => unix.listen(socketPath));
        // Sandboxes run as other users.
        chmodSync(socketPath, 0o666);
      }
      return { port };
    } catch (error) {
      void mixed?.close(0);
      for (const server of servers.splice(0)) server.close();
      throw error;
    }
  }

  async function drain(ms: number): Promise<void> {
    draining = true;
    await Promise.all([...servers.splice(0).map((server) => close(server, ms)), mixed?.close(ms)]);
  }

  return { listen, drain };
}

async function certificateOf(tls: ListenOptions["tls"]): Promise<Certificate | undefined> {
  if (tls === undefined || "cert" in tls) return tls;
  return (await import("./certificate.ts")).ownCertificate(tls.folder, tls.region);
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    start();
  });
}

function close(server: Server, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), ms);
    // A connection whose last answer goes out now was promised to be kept, and would keep us.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(idle);
      resolve();
    });
  });
}

/**
 * Two hosts, or one beside another authority, are for whoever hopes that the next server takes the other one (RFC 9112, 3.2; RFC 9113, 8.3.1).
 */
function hasOneHost({ headers, rawHeaders }: IncomingMessage): boolean {
  let host: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return false;
    host = rawHeaders[index + 1];
  }
  const authority = headers[":authority"];
  return host === undefined || authority === undefined || host === authority;
}

/** A client's Host header is its own affair; one that makes no URL is answered all the same. */
function urlOf(target: string, host: string | undefined): URL | undefined {
  const path = target.startsWith("/") ? target : "/";
  return URL.parse(`http://${host ?? "localhost"}${path}`) ?? URL.parse(`http://localhost${path}`) ?? undefined;
}
