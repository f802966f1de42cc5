import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../model/index.ts";
import { sendError } from "./answer.ts";
import type { AutoScaling } from "./aws/scaling/index.ts";
import { callerOf } from "./caller.ts";
import { createHttpDoor, type HttpDoor } from "./http.ts";
import { createLambdaApi } from "./lambda-api/lambda-api.ts";
import type { LambdaApiNeeds } from "./lambda-api/needs.ts";

export interface EdgeNeeds extends LambdaApiNeeds {
  /** Serves the platform's own paths (`/_thaw/…`, `/_localstack/health`). False: not one of them. */
  admin(request: IncomingMessage, response: ServerResponse, url: URL): boolean | Promise<boolean>;
}

/** The front doors. */
export type Edge = HttpDoor;

const queryServices: ReadonlySet<string> = new Set(["sts", "iam"]);
/** Before the operation in X-Amz-Target: the service that AWS calls Application Auto Scaling. */
const scalingTarget = "AnyScaleFrontendService.";

/** Builds the front doors; nothing listens yet. */
export function createEdge(needs: EdgeNeeds): Edge {
  const lambda = createLambdaApi(needs);
  let autoScaling: Promise<AutoScaling> | undefined;

  /** Loaded on demand: a server on which nothing is scaled never needs it. */
  function scaling(): Promise<AutoScaling> {
    autoScaling ??= import("./aws/scaling/index.ts").then(({ createAutoScaling }) =>
      createAutoScaling({ ...needs, provisioning: lambda.provisioning }),
    );
    return autoScaling;
  }

  async function other(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    const { pathname } = url;
    if (lambda.owns(pathname)) return lambda.handle(request, response, url, requestId);
    if (pathname.startsWith("/_thaw/") && fromSandbox(request)) {
      throw new ServiceError("AccessDeniedException", `${pathname} is the operator's, not a function's`);
    }
    if (pathname.startsWith("/_") && (await needs.admin(request, response, url))) return undefined;
    if (String(request.headers["x-amz-target"]).startsWith(scalingTarget)) {
      return (await scaling()).serve(request, response, requestId);
    }
    const service = serviceOf(request, url);
    if (queryServices.has(service) || isQueryRequest(request, url)) {
      // Loaded on demand: a server that only runs functions never needs it.
      const { serveQuery } = await import("./aws/query.ts");
      return serveQuery(needs, request, response, url, service, requestId);
    }
    request.resume();
    if (service === "" || service === "lambda") {
      throw new ServiceError("UnknownOperationException", `${request.method} ${pathname} is no operation of Lambda`);
    }
    throw new ServiceError("NotImplementedException", `Thaw does not implement the service ${service} yet`);
  }

  const door = createHttpDoor({
    invoke(request, response, name, query, requestId) {
      void lambda.invoke(request, response, name, query, requestId);
    },
    other(request, response, url, requestId) {
      other(request, response, url, requestId).catch((error: unknown) =>
        sendError(response, requestId, error, needs.report),
      );
    },
  });

  return {
    async listen(options) {
      const bound = await door.listen(options);
      lambda.resume();
      const [target] = needs.registry.scaling.targets.everything();
      if (target !== undefined) (await scaling()).start();
      return bound;
    },
    async drain(ms) {
      lambda.pause();
      (await autoScaling)?.stop();
      await door.drain(ms);
    },
  };
}

/** Functions reach the endpoint through its Unix socket: what it shows of others' logs and environments is not for them. */
function fromSandbox(request: IncomingMessage): boolean {
  return request.socket.remoteAddress === undefined && request.socket.localAddress === undefined;
}

/** The service a request is for: by its credential, or by its Host (`sts.localhost`, `iam.amazonaws.com`). */
function serviceOf(request: IncomingMessage, url: URL): string {
  const { service } = callerOf(request.headers.authorization);
  if (service !== "") return service;
  const label = url.hostname.split(".")[0] ?? "";
  return queryServices.has(label) ? label : "";
}

/** Unsigned calls of the Query protocol (AssumeRoleWithWebIdentity, tests with curl): the Action decides. */
function isQueryRequest(request: IncomingMessage, url: URL): boolean {
  if (url.searchParams.has("Action")) return true;
  const type = request.headers["content-type"] ?? "";
  return request.method === "POST" && url.pathname === "/" && type.startsWith("application/x-www-form-urlencoded");
}
