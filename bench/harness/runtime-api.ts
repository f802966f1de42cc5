import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { monotonicMs } from "../../src/model/index.ts";

/** A Runtime API for one runtime outside of any sandbox: what a fresh process with a runtime interface client is timed with. */
export interface RuntimeApi {
  /** value of AWS_LAMBDA_RUNTIME_API */
  readonly address: string;
  /**
   * Hands `event` to whoever asks for the next one; resolves with monotonicMs() of the moment its answer arrived, and with
   * the answer. `then` is the event that follows it, meant to end the process. Rejects when the function reports an error.
   */
  answer(event: string, then: string): Promise<{ readonly at: number; readonly body: string }>;
  close(): void;
}

/** Serves the parts of AWS's Runtime API (2018-06-01) that a client needs between its start and its first answer. */
export async function createRuntimeApi(): Promise<RuntimeApi> {
  const events: string[] = [];
  let count = 0;
  let settle: { resolve: (answer: { at: number; body: string }) => void; reject: (error: Error) => void } | undefined;

  const next = (response: ServerResponse): void => {
    count += 1;
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": `00000000-0000-4000-8000-${String(count).padStart(12, "0")}`,
      "Lambda-Runtime-Deadline-Ms": String(Date.now() + 30000),
      "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:outside",
    });
    response.end(events.shift() ?? "{}");
  };

  const server = createServer((request, response) => {
    if (request.method === "GET") return next(response);
    const at = monotonicMs();
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      response.writeHead(202).end();
      if (request.url?.endsWith("/response")) settle?.resolve({ at, body });
      else settle?.reject(new Error(`${request.url}: ${body.slice(0, 500)}`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer(event, then) {
      events.splice(0, events.length, event, then);
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
