import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request of a runtime to the Runtime API, its path without the version. */
export interface Asked {
  readonly what: string;
  readonly body: string;
  readonly errorType: string | undefined;
  answer(status: number, headers?: Readonly<Record<string, string>>, body?: string): void;
}

export interface RuntimeOverHttp {
  /** Its next request, in the order of their coming. Rejects when the process ends instead. */
  asked(): Promise<Asked>;
  /** Answers GET /invocation/next, which must be what it asks now, and returns what it posts. */
  invoke(event: unknown): Promise<Asked>;
  exited(): Promise<number | null>;
  output(): string;
  stop(): Promise<void>;
}

/** Plays the Runtime API to a runtime that speaks HTTP, outside of any sandbox. */
export async function startOverHttp(
  command: readonly string[],
  root: string,
  env: Readonly<Record<string, string>>,
): Promise<RuntimeOverHttp> {
  const waiting: Asked[] = [];
  let wake = (): void => {};
  const api = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const type = request.headers["lambda-runtime-function-error-type"];
    waiting.push({
      what: `${request.method} ${request.url!.replace("/2018-06-01/runtime", "")}`,
      body: Buffer.concat(chunks).toString(),
      errorType: typeof type === "string" ? type : undefined,
      answer: (status, headers = {}, body = "") =>
        response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body),
    });
    wake();
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  const child = spawn(command[0]!, command.slice(1), {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: "/usr/bin:/bin",
      LAMBDA_TASK_ROOT: root,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      AWS_LAMBDA_FUNCTION_NAME: "under-test",
      AWS_LAMBDA_FUNCTION_VERSION: "1",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  const ended = once(child, "exit").then(() => wake());

  const asked = async (): Promise<Asked> => {
    for (;;) {
      const first = waiting.shift();
      if (first !== undefined) return first;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended:\n${output}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  let number = 0;
  return {
    asked,
    async invoke(event) {
      const next = await asked();
      if (next.what !== "GET /invocation/next") throw new Error(`it asked ${next.what}: ${next.body}\n${output}`);
      number += 1;
      const headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": `request-${number}`,
        "Lambda-Runtime-Deadline-Ms": String(Date.now() + 3000),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:under-test",
        "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
      };
      next.answer(200, headers, JSON.stringify(event));
      const posted = await asked();
      posted.answer(202);
      return posted;
    },
    async exited() {
      await ended;
      return child.exitCode;
    },
    output: () => output,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      api.close();
      api.closeAllConnections();
    },
  };
}
