import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeFrame, FrameReader, frameType, writeFrame, writeInvoke } from "../../src/environments/frames.ts";

/** The built agent; tests skip by name where there is none. */
export const agentBinary =
  process.env.THAW_AGENT ??
  join(dirname(fileURLToPath(import.meta.url)), "..", "..", "agent", "target", "release", "thaw-agent");
export const noAgent = existsSync(agentBinary) ? false : "the agent is not built: npm run build:agent";

export interface Got {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

export interface Boot {
  command: string[][];
  env?: Record<string, string>;
  cwd?: string;
  link?: "frames" | "http";
  apiPort?: number;
  maxResponseBytes?: number;
  relay?: { port: number; socket: string };
  datagrams?: number;
}

/** A host as small as can be: one agent, started as the process driver starts it, and the frames it and its runtime sent. */
export class TestHost {
  readonly dir: string;
  readonly agent: ChildProcess;
  /** settles with code or signal when the agent is gone */
  readonly ended: Promise<string>;
  readonly link: Socket;
  /** the link that a runtime booted with `frames` gets; undefined where none was asked for */
  readonly runtime: Socket | undefined;
  readonly #frames: Got[] = [];
  readonly #waiting: (() => void)[] = [];

  private constructor(dir: string, agent: ChildProcess, [link, runtime]: readonly Socket[]) {
    this.dir = dir;
    this.agent = agent;
    this.link = link!;
    this.runtime = runtime;
    this.ended = new Promise((resolve) => agent.on("exit", (code, signal) => resolve(String(signal ?? code))));
    for (const socket of runtime ? [link!, runtime] : [link!]) {
      const reader = new FrameReader((type, flags, stream, payload) => {
        this.#frames.push({ type, flags, stream, payload });
        for (const wake of this.#waiting.splice(0)) wake();
      });
      socket.on("data", (chunk) => reader.push(chunk));
      socket.on("error", () => {});
    }
  }

  /** `runtimeLink`: the agent is to dial twice. */
  static async start(runtimeLink = true): Promise<TestHost> {
    const dir = mkdtempSync(join(tmpdir(), "thaw-agent-"));
    const path = join(dir, "host.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const sockets: Socket[] = [];
    const dialled = new Promise<readonly Socket[]>((resolve) => {
      server.on("connection", (socket) => {
        if (sockets.push(socket) === (runtimeLink ? 2 : 1)) resolve(sockets);
      });
    });
    const more = runtimeLink ? ["--runtime-link"] : [];
    const agent = spawn(agentBinary, ["agent", "--link", `unix:${path}`, ...more], {
      env: { THAW_TOKEN: "0123456789abcdef0123456789abcdef" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const host = new TestHost(dir, agent, await dialled);
    server.close();
    return host;
  }

  /** A file in the test's directory; executable when it is a script. */
  file(name: string, content: string, executable = content.startsWith("#!")): string {
    const path = join(this.dir, name);
    writeFileSync(path, content);
    if (executable) chmodSync(path, 0o755);
    return path;
  }

  boot(boot: Boot): void {
    const whole = { env: { PATH: process.env.PATH }, cwd: this.dir, link: "http", apiPort: 0, ...boot };
    this.send(frameType.BOOT, 0, JSON.stringify({ maxResponseBytes: 6291556, ...whole }));
  }

  /** Boots a shell script. */
  shell(script: string, boot: Partial<Boot> = {}): void {
    this.boot({ command: [["/bin/bash", "-c", script]], ...boot });
  }

  /** Boots JavaScript that speaks frames over descriptor 3, with a few words prepared. */
  frames(script: string): void {
    const program = this.file("bootstrap.cjs", `${framesPrelude}\n${script}`);
    this.boot({ command: [[process.execPath, program]], link: "frames" });
  }

  send(type: number, stream = 0, payload: string | Buffer = ""): void {
    writeFrame(this.link, type, 0, stream, Buffer.from(payload as string));
  }

  raw(bytes: Buffer): void {
    this.link.write(bytes);
  }

  /** Sends an event: to the agent, or to the runtime that speaks frames (`to`). */
  invoke(stream: number, event: string | Buffer = "{}", id = `id-${stream}`, to: Socket = this.link): void {
    const head = `Lambda-Runtime-Aws-Request-Id: ${id}\r\nLambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Trace-Id: Root=1\r\n`;
    writeInvoke(to, stream, head, Buffer.from(event as string));
  }

  /** The next frame of a type; frames of other types that came before are dropped, LOG frames are kept apart in `log`. */
  async next(type: number): Promise<Got> {
    for (;;) {
      const frame = await this.any();
      if (frame.type === type) return frame;
      if (frame.type !== frameType.LOG) this.passed.push(frame);
    }
  }

  /** Frames other than LOG that `next` went past. */
  readonly passed: Got[] = [];
  /** what the runtime wrote, and from 16 on extensions, as far as frames were taken: source → text */
  readonly log = ["", "", ""];

  async any(): Promise<Got> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        if (frame.type === frameType.LOG) {
          const source = frame.payload[0]!;
          this.log[source] = (this.log[source] ?? "") + frame.payload.toString("latin1", 1);
        }
        return frame;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.link.destroy();
    this.runtime?.destroy();
    await this.ended;
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function json(frame: Got): Record<string, unknown> {
  return JSON.parse(frame.payload.toString());
}

export { encodeFrame, frameType };

/** What a bootstrap of the tests needs: `send(type, flags, stream, payload)` and `receive()` over descriptor 3, blocking. */
const framesPrelude = `
const fs = require("node:fs");
function exactly(n) { const b = Buffer.alloc(n); for (let at = 0; at < n; ) { const got = fs.readSync(3, b, at, n - at); if (!got) process.exit(0); at += got; } return b; }
function writeAll(b) { for (let at = 0; at < b.length; ) at += fs.writeSync(3, b, at); }
function header(length, type, flags, stream) { const h = Buffer.alloc(12); h.writeUInt32LE(length, 0); h[4] = type; h[5] = flags; h.writeUInt32LE(stream, 8); return h; }
function send(type, flags, stream, payload = "") { const p = Buffer.from(payload); writeAll(Buffer.concat([header(p.length, type, flags, stream), p])); }
function receive() { const h = exactly(12); const p = exactly(h.readUInt32LE(0)); const n = p.readUInt16LE(0); return { stream: h.readUInt32LE(8), head: p.toString("utf8", 2, 2 + n), event: p.subarray(2 + n) }; }
`;
