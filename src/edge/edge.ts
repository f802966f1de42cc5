import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../model/index.ts";
import { sendError } from "./answer.ts";
import { createServices } from "./aws/services.ts";
import { callerOf } from "./caller.ts";
import { holdUntilDurable } from "./held.ts";
import { createHttpDoor, type HttpDoor } from "./http.ts";
import { createLambdaApi } from "./lambda-api/lambda-api.ts";
import type { LambdaApiNeeds } from "./lambda-api/needs.ts";

export interface EdgeNeeds extends LambdaApiNeeds {
  /** Serves the platform's own paths (`/_thaw/…`, `/_localstack/health`). False: not one of them. */
  admin(request: IncomingMessage, response: ServerResponse, url: URL): boolean | Promise<boolean>;
}

/** The front doors. */
export type Edge = HttpDoor;

/** Builds the front doors; nothing listens yet. */
export function createEdge(needs: EdgeNeeds): Edge {
  const lambda = createLambdaApi(needs);
  const services = createServices({ ...needs, provisioning: lambda.provisioning });

  async function other(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    const { pathname } = url;
    const caller = callerOf(request.headers.authorization);
    const signedForLambda = caller.service === "" || caller.service === "lambda";
    if (signedForLambda && lambda.owns(pathname)) return lambda.handle(request, response, url, requestId);
    if (pathname.startsWith("/_thaw/") && fromSandbox(request)) {
      throw new ServiceError("AccessDeniedException", `${pathname} is the operator's, not a function's`);
    }
    if (pathname.startsWith("/_") && (await needs.admin(request, response, url))) return undefined;
    const service = services.find(request, url, caller.service);
    if (service !== undefined) {
      return (await services.loaded(service)).serve({ request, response, url, requestId, caller });
    }
    request.resume();
    if (signedForLambda) {
      throw new ServiceError("UnknownOperationException", `${request.method} ${pathname} is no operation of Lambda`);
    }
    throw new ServiceError("NotImplementedException", `Thaw does not implement the service ${caller.service} yet`);
  }

  const door = createHttpDoor({
    invoke(request, response, name, query, requestId) {
      void lambda.invoke(request, response, name, query, requestId);
    },
    other(request, response, url, requestId) {
      holdUntilDurable(response, needs.registry.durable, needs.report);
      other(request, response, url, requestId).catch((error: unknown) =>
        sendError(response, requestId, error, needs.report),
      );
    },
  });

  return {
    async listen(options) {
      const bound = await door.listen(options);
      lambda.resume();
      await services.start();
      return bound;
    },
    async drain(ms) {
      lambda.pause();
      await services.stop();
      await door.drain(ms);
    },
  };
}

/** Functions reach the endpoint through its Unix socket: what it shows of others' logs and environments is not for them. */
function fromSandbox(request: IncomingMessage): boolean {
  return request.socket.remoteAddress === undefined && request.socket.localAddress === undefined;
}
