import { chmodSync, closeSync, constants, openSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { monotonicMs } from "../model/index.ts";
import { SandboxError } from "./driver.ts";

/** An agent that has said HELLO with the token it was given, on all the connections it was to make. */
export interface Dialled {
  readonly link: Socket;
  /** the one that its runtime will speak on */
  readonly runtimeLink: Socket | undefined;
  /** the agent's first instruction in the sandbox and the moment HELLO was read, monotonicMs() */
  readonly main: number;
  readonly hello: number;
}

/** The one socket that agents dial (agent/PROTOCOL.md: the agent dials the host, and speaks first). */
export interface Reception {
  /** path an agent on this machine can dial, always short enough for an address */
  readonly address: string;
  /**
   * Waits for the agent with this token, once, and for its runtime's link if it is to make one. Rejects when `signal`
   * aborts, with its reason.
   */
  expect(token: string, runtimeLink: boolean, signal: AbortSignal): Promise<Dialled>;
  close(): Promise<void>;
}

/** Name of the socket in the run directory; the launcher's slots dial it by this name. */
export const socketName = "agent.sock";

const headerBytes = 12;
const helloType = 0x81;
const helloMaxBytes = 4096;
/** connections that may wait to be accepted: the launcher's slots do not wait for a place (the kernel may allow fewer) */
const backlog = 4096;
/** bytes of a path in a Unix socket's address, its NUL included, on the narrowest system (macOS; Linux has 108) */
const addressBytes = 104;
const protocolVersion = 3;

interface Hello {
  readonly token: string;
  readonly role: Role;
  readonly main: number;
}

/** who will speak on a connection */
type Role = "agent" | "runtime";

/** An agent that is waited for, and what it has made of its connections. */
interface Guest {
  readonly wanted: Set<Role>;
  readonly links: Partial<Record<Role, Socket>>;
  readonly arrived: (dialled: Dialled) => void;
}

/** Listens in `runDir`, which must be private to this user. `helloMs`: how long a connection may stay silent. */
export async function openReception(runDir: string, helloMs = 5000): Promise<Reception> {
  const path = join(runDir, socketName);
  const { address, release } = shortAddress(path, runDir);
  rmSync(path, { force: true });
  const expected = new Map<string, Guest>();
  const strangers = new Set<Socket>();

  const server = createServer({ pauseOnConnect: false }, (socket) => {
    strangers.add(socket);
    const tooLate = setTimeout(() => socket.destroy(), helloMs);
    const refuse = () => socket.destroy();
    const takeHello = helloReader(socket);
    const read = () => {
      const hello = takeHello();
      if (hello === undefined) return;
      const guest = hello === "broken" ? undefined : expected.get(hello.token);
      if (hello === "broken" || !guest?.wanted.delete(hello.role)) return refuse();
      leave();
      guest.links[hello.role] = socket;
      if (guest.wanted.size > 0) return;
      expected.delete(hello.token);
      const { agent, runtime } = guest.links;
      guest.arrived({ link: agent!, runtimeLink: runtime, main: hello.main, hello: monotonicMs() });
    };
    const leave = () => {
      clearTimeout(tooLate);
      strangers.delete(socket);
      socket.off("readable", read).off("end", refuse).off("close", leave);
    };
    // the link's later owner hears of errors by "close"; without a listener they would end the process
    socket.on("error", () => undefined);
    socket.on("readable", read).on("end", refuse).on("close", leave);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: address, backlog }, resolve);
  });
  chmodSync(path, 0o600);

  return {
    address,
    expect(token, runtimeLink, signal) {
      return new Promise((resolve, reject) => {
        const wanted = new Set<Role>(runtimeLink ? ["agent", "runtime"] : ["agent"]);
        const links: Guest["links"] = {};
        const abort = () => {
          expected.delete(token);
          for (const link of Object.values(links)) link.destroy();
          reject(signal.reason);
        };
        if (signal.aborted) return abort();
        signal.addEventListener("abort", abort, { once: true });
        const arrived = (dialled: Dialled) => {
          signal.removeEventListener("abort", abort);
          resolve(dialled);
        };
        expected.set(token, { wanted, links, arrived });
      });
    },
    async close() {
      for (const socket of strangers) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      release();
      rmSync(path, { force: true });
    },
  };
}

/** Takes the HELLO frame off the front of the stream, leaving the rest unread. undefined: not all of it is there yet. */
function helloReader(socket: Socket): () => Hello | "broken" | undefined {
  let header: Buffer | null = null;
  return () => {
    header ??= socket.read(headerBytes) as Buffer | null;
    if (!header) return undefined;
    // the stream has ended in the middle of it
    if (header.length < headerBytes) return "broken";
    const length = header.readUInt32LE(0);
    if (header[4] !== helloType || length > helloMaxBytes || header.readUInt32LE(8) !== 0) return "broken";
    const payload: Buffer | null = socket.read(length);
    return payload ? parseHello(payload) : undefined;
  };
}

function parseHello(payload: Buffer): Hello | "broken" {
  try {
    const { token, role, main, protocol } = JSON.parse(payload.toString()) as Record<string, unknown>;
    if (typeof token !== "string" || typeof main !== "number" || protocol !== protocolVersion) return "broken";
    return role === "agent" || role === "runtime" ? { token, role, main } : "broken";
  } catch {
    return "broken";
  }
}

/** The socket's path, or another name for it where the path is too long for an address. */
function shortAddress(path: string, runDir: string): { address: string; release: () => void } {
  if (Buffer.byteLength(path) < addressBytes) return { address: path, release: () => undefined };
  if (process.platform !== "linux") {
    throw new SandboxError(
      "listen",
      `${path} is longer than a socket's address can be; choose a shorter run directory`,
    );
  }
  const directory = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    address: `/proc/${process.pid}/fd/${directory}/${socketName}`,
    release: () => closeSync(directory),
  };
}
