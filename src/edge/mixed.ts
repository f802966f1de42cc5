import type { RequestListener, Server } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A port on which several protocols are spoken. */
export interface MixedServer {
  listen(port: number, host: string): Promise<void>;
  port(): number;
  /** Accepts nothing new, lets what runs finish for at most `ms`, then cuts it off. */
  close(ms: number): Promise<void>;
}

/** milliseconds until what was told to end is ended */
const graceMs = 1000;

/**
 * HTTP/1.1 and HTTP/2 on one port, told apart by the first bytes of a connection; with a certificate, both inside TLS as well
 * (ALPN, RFC 7301). HTTP/2 without TLS is of clients that know beforehand that it is spoken (RFC 9113, 3.3). `http1`: the server for
 * HTTP/1.1, which listens nowhere itself. `silenceMs`: how long a client may take to say what it speaks, or say nothing at all of HTTP/2.
 */
export function createMixedServer(
  http1: Server,
  listener: RequestListener,
  certificate?: Certificate,
  silenceMs = 60_000,
): MixedServer {
  const { createServer: createHttp2 } = process.getBuiltinModule("node:http2");
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  // Its requests and responses have what ours are asked for.
  const http2 = createHttp2({ maxSessionMemory: 32 }, listener as unknown as Parameters<typeof createHttp2>[1]);
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => {});
    // What runs may be silent for long. A head that never ends is no stream yet, but would keep a session that is only closed.
    let running = 0;
    session.on("stream", (stream) => {
      running += 1;
      stream.once("close", () => {
        running -= 1;
      });
    });
    session.setTimeout(silenceMs, () => {
      if (running > 0) return;
      session.close();
      setTimeout(() => session.destroy(), graceMs).unref();
    });
  });

  const tls =
    certificate === undefined
      ? undefined
      : process
          .getBuiltinModule("node:tls")
          .createServer({ ...certificate, ALPNProtocols: ["h2", "http/1.1"], minVersion: "TLSv1.2" }, (socket) => {
            const spoken = socket.alpnProtocol === "h2" ? http2 : http1;
            spoken.emit("connection", socket);
          });
  tls?.on("tlsClientError", (_error, socket) => socket.destroy());

  const door = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const silent = setTimeout(() => socket.destroy(), silenceMs);
    socket.once("close", () => clearTimeout(silent));
    socket.once("data", (bytes) => {
      clearTimeout(silent);
      socket.pause();
      serverFor(bytes as Buffer).emit("connection", socket);
      socket.unshift(bytes);
      socket.resume();
    });
  });

  function serverFor(bytes: Buffer) {
    // A TLS record of a handshake begins with 22 (RFC 8446, 5.1).
    if (tls !== undefined && bytes[0] === 22) return tls;
    // `PRI * HTTP/2.0`: no method begins so.
    return bytes.toString("latin1", 0, 3) === "PRI" ? http2 : http1;
  }

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        door.once("error", reject);
        door.listen(port, host, () => {
          door.off("error", reject);
          // Only then does it look after clients that do not end their heads.
          http1.emit("listening");
          resolve();
        });
      }),
    port: () => (door.address() as AddressInfo).port,
    async close(ms) {
      const closed = new Promise<void>((resolve) => door.close(() => resolve()));
      for (const session of sessions) session.close();
      const idle = setInterval(() => http1.closeIdleConnections(), 20);
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, ms);
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
      // Neither listens; but their timers run.
      http1.close();
    },
  };
}
