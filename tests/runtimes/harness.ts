import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";

/**
 * Plays the host to a bootstrap: starts it with a socket as fd 3 and speaks frames (agent/PROTOCOL.md). Written apart
 * from the server's own codec on purpose, so that one mistake cannot hide in both.
 */
const INVOKE = 0x02;
const PREPARE = 0x03;
const RESUME = 0x08;
const names: Readonly<Record<number, string>> = {
  130: "READY",
  131: "INIT_ERROR",
  132: "RESPONSE",
  133: "RESPONSE_START",
  134: "CHUNK",
  135: "RESPONSE_END",
  136: "ERROR",
  138: "LOG",
  142: "PREPARED",
  143: "RESTORE_ERROR",
  144: "COMPILED",
};

export interface Frame {
  readonly type: string;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface Failure {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the document is whatever the runtime wrote
  readonly document: any;
}

export interface Answer {
  /** RESPONSE, RESPONSE_END, ERROR, INIT_ERROR, READY, PREPARED, RESTORE_ERROR, or EXIT when the process ended without an answer */
  readonly type: string;
  /** is the runtime ready for its next event? */
  readonly ready: boolean;
  /** was something written to stdout or stderr since the last answer? */
  readonly raw: boolean;
  /** the whole answer: a streamed one's chunks together */
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly failure: Failure | undefined;
  readonly exit: Exit | undefined;
  /** messages logged since the last answer, and which stream each one named */
  readonly logs: readonly string[];
  readonly logStreams: readonly number[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface InvokeOptions {
  readonly head?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface RuntimeUnderTest {
  readonly child: ChildProcess;
  /** READY's marks, or the failed start; and what was compiled for it, by name */
  start(): Promise<{ marks?: Record<string, number>; answer?: Answer; compiled: ReadonlyMap<string, Buffer> }>;
  /** Sends an event (JSON value, or a Buffer as it is) and waits for its answer. */
  invoke(event: unknown, options?: InvokeOptions): Promise<Answer>;
  /** Asks it to make itself ready to be copied; `drew` comes with PREPARED. */
  prepare(): Promise<Answer & { drew?: boolean }>;
  /** Tells it that it is a copy, with these variables; `marks` come with READY. */
  resume(
    env?: Readonly<Record<string, string | null>>,
    /** nobody waits for it */
    rehearse?: boolean,
  ): Promise<Answer & { marks?: Record<string, number> }>;
  /** Tells it that it is a copy and gives it an event in the same write, with so much time (milliseconds); its READY and its answer. */
  resumeWith(event: unknown, timeoutMs: number): Promise<readonly [Answer, Answer]>;
  /** Tells a copy that was made without a function which one it is: all its variables. */
  load(env: Readonly<Record<string, string>>, rehearse?: boolean): Promise<Answer & { marks?: Record<string, number> }>;
  /** everything written to stdout and stderr so far */
  output(): string;
  /** closes the link as the agent does with SHUTDOWN: no more events, but what is still logged arrives */
  closeLink(): void;
  /** Waits for the process to end of itself. */
  exited(): Promise<Answer>;
  stop(): Promise<Exit>;
}

const folders: string[] = [];
const children: ChildProcess[] = [];
after(async () => {
  // A runtime that still ends would write what it compiled into a folder that was just deleted.
  for (const child of children) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes files into a folder of their own, which is deleted when the tests of this process are over. */
export function codeFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "thaw-runtime-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** what comes instead of an answer over the limit */
export const tooLarge: Failure = {
  type: "Function.ResponseSizeTooLarge",
  document: {
    errorType: "Function.ResponseSizeTooLarge",
    errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
  },
};

export const requestId = "11111111-2222-3333-4444-555555555555";

/** variables of the runtime, whatever its function */
const ownEnvironment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "en_US.UTF-8", TZ: ":UTC" };

const environment = {
  ...ownEnvironment,
  AWS_REGION: "us-east-1",
  AWS_LAMBDA_FUNCTION_NAME: "under-test",
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
  AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/under-test",
  AWS_LAMBDA_LOG_STREAM_NAME: "2026/01/01/[$LATEST]abc",
};

/** The whole environment of the function in `root`. */
export function functionEnvironment(
  root: string,
  handler: string,
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...environment, LAMBDA_TASK_ROOT: root, _HANDLER: handler, ...env };
}

/** Starts `command` with the function in `root`. */
export function startRuntime(
  command: readonly string[],
  root: string,
  handler: string,
  env: Readonly<Record<string, string>> = {},
): RuntimeUnderTest {
  return host(command, root, functionEnvironment(root, handler, env));
}

/** Starts `command` as what is copied before it has a function. */
export function startBare(command: readonly string[], env: Readonly<Record<string, string>>): RuntimeUnderTest {
  return host(command, tmpdir(), { ...ownEnvironment, ...env, _THAW_TEMPLATE: "1", _THAW_BARE: "1" });
}

function host(command: readonly string[], cwd: string, env: Readonly<Record<string, string>>): RuntimeUnderTest {
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: { ...env, _THAW_LINK_FD: "3" },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  children.push(child);
  const link = child.stdio[3] as Socket;
  link.on("error", () => {});
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });

  const frames: Frame[] = [];
  let wake: (() => void) | undefined;
  let exit: Exit | undefined;
  let received: Buffer = Buffer.alloc(0);
  link.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 12 && received.length >= 12 + received.readUInt32LE(0)) {
      const end = 12 + received.readUInt32LE(0);
      const type = names[received[4]!];
      if (type === undefined || received.readUInt16LE(6) !== 0)
        throw new Error(`not a frame: ${received.toString("hex")}`);
      const stream = received.readUInt32LE(8);
      frames.push({ type, flags: received[5]!, stream, payload: received.subarray(12, end) });
      received = received.subarray(end);
    }
    wake?.();
  });
  // 'close' comes after the last byte of every stream has been read.
  const closed = once(child, "close").then(([code, signal]) => {
    exit = { code, signal };
    wake?.();
    return exit;
  });

  async function nextFrame(timeoutMs: number): Promise<Frame | undefined> {
    const timer = AbortSignal.timeout(timeoutMs);
    while (frames.length === 0) {
      if (exit) return undefined;
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        timer.addEventListener("abort", () => reject(new Error(`no answer; output: ${output}`)), { once: true });
      });
    }
    return frames.shift();
  }

  let stream = 0;
  const compiled = new Map<string, Buffer>();

  async function answer(timeoutMs: number): Promise<Answer & { marks?: Record<string, number>; drew?: boolean }> {
    const logs: string[] = [];
    const logStreams: number[] = [];
    const chunks: Buffer[] = [];
    let contentType: string | undefined;
    for (;;) {
      const frame = await nextFrame(timeoutMs);
      const common = {
        logs,
        logStreams,
        contentType,
        body: Buffer.concat(chunks),
        failure: undefined,
        exit: undefined,
        raw: ((frame?.flags ?? 0) & 2) !== 0,
      };
      if (!frame) return { ...common, type: "EXIT", ready: false, exit: exit! };
      const ready = (frame.flags & 1) !== 0;
      switch (frame.type) {
        case "LOG":
          logs.push(frame.payload.toString("utf8", 1));
          logStreams.push(frame.stream);
          continue;
        case "COMPILED": {
          const end = 2 + frame.payload.readUInt16LE(0);
          compiled.set(frame.payload.toString("utf8", 2, end), frame.payload.subarray(end));
          continue;
        }
        case "RESPONSE_START":
          contentType = frame.payload.toString();
          continue;
        case "CHUNK":
          chunks.push(frame.payload);
          continue;
        case "READY":
          return { ...common, type: "READY", ready: true, marks: JSON.parse(frame.payload.toString()) };
        case "PREPARED":
          return { ...common, type: "PREPARED", ready: true, drew: JSON.parse(frame.payload.toString()).drew };
        case "RESPONSE":
          if (frame.stream !== stream) throw new Error("answer to another stream");
          return { ...common, type: "RESPONSE", ready, body: frame.payload };
        case "RESPONSE_END":
          if (frame.payload.length === 0) return { ...common, type: "RESPONSE_END", ready };
      }
      return { ...common, type: frame.type, ready, failure: failureOf(frame.payload) };
    }
  }

  /** INVOKE for a stream of its own. */
  function nextEvent(event: unknown, head: Readonly<Record<string, string>>): Buffer {
    stream += 1;
    const fields = {
      "Lambda-Runtime-Aws-Request-Id": requestId,
      "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:under-test",
      "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
      ...head,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return invokeFrame(stream, lines.join(""), Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event)));
  }

  return {
    child,
    async start() {
      const first = await answer(10_000);
      return first.marks ? { marks: first.marks, compiled } : { answer: first, compiled };
    },
    invoke(event, options = {}) {
      link.write(nextEvent(event, { "Lambda-Runtime-Deadline-Ms": String(Date.now() + 3000), ...options.head }));
      return answer(options.timeoutMs ?? 10_000);
    },
    prepare() {
      link.write(startFrame(PREPARE, ""));
      return answer(10_000);
    },
    resume(env = {}, rehearse = false) {
      link.write(startFrame(RESUME, JSON.stringify(rehearse ? { rehearse, env } : { env })));
      return answer(10_000);
    },
    async resumeWith(event, timeoutMs) {
      const resume = startFrame(RESUME, JSON.stringify({ env: {} }));
      link.write(Buffer.concat([resume, nextEvent(event, { "Lambda-Runtime-Timeout-Ms": String(timeoutMs) })]));
      return [await answer(10_000), await answer(10_000)];
    },
    load(env, rehearse = false) {
      link.write(startFrame(RESUME, JSON.stringify({ ...(rehearse ? { rehearse } : {}), env, load: true })));
      return answer(10_000);
    },
    output: () => output,
    closeLink: () => link.end(),
    exited: () => answer(10_000),
    stop() {
      child.kill("SIGKILL");
      return closed;
    },
  };
}

/** a frame that belongs to no invocation */
function startFrame(type: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(body.length, 0);
  header[4] = type;
  return Buffer.concat([header, body]);
}

function invokeFrame(stream: number, head: string, event: Buffer): Buffer {
  const headBytes = Buffer.from(head);
  const frame = Buffer.alloc(14);
  frame.writeUInt32LE(2 + headBytes.length + event.length, 0);
  frame[4] = INVOKE;
  frame.writeUInt32LE(stream, 8);
  frame.writeUInt16LE(headBytes.length, 12);
  return Buffer.concat([frame, headBytes, event]);
}

function failureOf(payload: Buffer): Failure {
  const end = 2 + payload.readUInt16LE(0);
  return { type: payload.toString("utf8", 2, end), document: JSON.parse(payload.toString("utf8", end)) };
}
