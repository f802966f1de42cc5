import type { IncomingMessage, ServerResponse } from "node:http";
import type { FunctionUrlDoor, FunctionUrlNeeds } from "./function-url/door.ts";
import { addressOf } from "./proxy/address.ts";

/** The doors that turn HTTP requests into events of functions. */
export interface Fronts {
  /** Answers a request whose host or path is a front door's; never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void>;
}

/** Each door's code is loaded with the first request for it. */
export function createFronts(needs: FunctionUrlNeeds): Fronts {
  let functionUrls: Promise<FunctionUrlDoor> | undefined;

  return {
    async serve(request, response, requestId) {
      const address = addressOf(request.headers.host ?? "", request.url ?? "/");
      if (address?.kind === "function-url") {
        functionUrls ??= import("./function-url/door.ts").then((room) => room.createFunctionUrlDoor(needs));
        return (await functionUrls)(request, response, address.id, requestId);
      }
      request.resume();
      response.writeHead(404, { "content-type": "application/json" }).end('{"message":"Not Found"}');
    },
  };
}
