import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox, SandboxSpec } from "./driver.ts";
import { createIsolation, type Isolation, type IsolationOptions } from "./isolation.ts";

/** What the tests of this room share: an isolation with a run directory of its own, and a hand that plays the platform's side of a link. */
export async function withIsolation(
  options: Partial<IsolationOptions>,
  body: (isolation: Isolation, runDir: string) => Promise<void>,
): Promise<void> {
  const runDir = mkdtempSync(join(tmpdir(), "thaw-isolation-"));
  try {
    const given = { driver: "container" as const, rootfs: undefined, log: () => undefined, pool: 2 };
    const isolation = await createIsolation({ ...given, runDir, ...options });
    try {
      await body(isolation, runDir);
    } finally {
      await isolation.close();
    }
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}

export function spec(changes: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    id: randomBytes(16).toString("hex"),
    mounts: [],
    tmpBytes: 16 << 20,
    memoryBytes: 256 << 20,
    cpus: 1,
    network: "none",
    ...changes,
  };
}

/** What a command did: its output (both streams) and how the agent reported its end. */
export interface Ran {
  readonly output: string;
  readonly code?: number;
  readonly signal?: string;
}

const headerBytes = 12;
const types = { boot: 0x01, shutdown: 0x04, ping: 0x07, initError: 0x83, log: 0x8a, exit: 0x8b, pong: 0x8c };

/** Speaks frames (agent/PROTOCOL.md) over a sandbox's link. */
export class Link {
  readonly sandbox: Sandbox;
  #unread = Buffer.alloc(0);
  #output = "";
  #waiting = new Map<number, (payload: string) => void>();

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    sandbox.link.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  /** Runs `sh -c script` as the sandbox's runtime and waits for its end. */
  async sh(script: string, env: Record<string, string> = {}, more: object = {}): Promise<Ran> {
    return this.run(["/bin/sh", "-c", script], env, more);
  }

  async run(command: readonly string[], env: Record<string, string> = {}, more: object = {}): Promise<Ran> {
    this.#output = "";
    const ended = Promise.race([this.#next(types.exit), this.#next(types.initError)]);
    this.start(command, env, more);
    const payload = await ended;
    const status = payload.startsWith("{") ? (JSON.parse(payload) as { code?: number; signal?: string }) : {};
    return { output: payload.startsWith("{") ? this.#output : payload, ...status };
  }

  /** Starts it and does not wait. */
  start(command: readonly string[], env: Record<string, string> = {}, more: object = {}): void {
    const path = { PATH: "/usr/local/bin:/usr/bin:/bin" };
    const boot = {
      command: [command],
      env: { ...path, ...env },
      cwd: this.sandbox.tmp,
      link: "http",
      apiPort: 0,
      ...more,
    };
    this.#send(types.boot, JSON.stringify({ maxResponseBytes: 1 << 20, ...boot }));
  }

  /** Settles once the agent has answered: not while it is frozen. */
  async ping(): Promise<void> {
    const answer = this.#next(types.pong);
    this.#send(types.ping, "");
    await answer;
  }

  /** Settles when the output contains the text. */
  async says(text: string): Promise<string> {
    while (!this.#output.includes(text)) await this.#next(types.log);
    return this.#output;
  }

  shutdown(): void {
    this.#send(types.shutdown, JSON.stringify({ reason: "spindown", deadlineMs: Date.now() + 1000 }));
  }

  #next(type: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(type, resolve);
      this.sandbox.link.once("close", () => reject(new Error("the link was closed")));
    });
  }

  #send(type: number, payload: string): void {
    const body = Buffer.from(payload);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(body.length, 0);
    header[4] = type;
    this.sandbox.link.write(Buffer.concat([header, body]));
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= headerBytes) {
      const end = headerBytes + this.#unread.readUInt32LE(0);
      if (this.#unread.length < end) return;
      const type = this.#unread[4]!;
      const payload = this.#unread.subarray(headerBytes, end);
      this.#unread = this.#unread.subarray(end);
      if (type === types.log) this.#output += payload.subarray(1).toString();
      this.#waiting.get(type)?.(payload.toString());
    }
  }
}
