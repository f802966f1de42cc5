import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../model/index.ts";
import type { Admin } from "./admin/admin.ts";
import { pagePaths } from "./admin/page-paths.ts";
import { createBalancers } from "./alb/balancers.ts";
import { createApis } from "./api-gateway/apis.ts";
import { createRestApis } from "./api-gateway/rest/apis.ts";
import { type Auth, authorizeOperation, Refusal, sendRefusal, unsigned } from "./auth/index.ts";
import { type BesideLambda, createServices } from "./aws/services.ts";
import { forward, isElsewhere, type Upstreams } from "./aws/upstream.ts";
import { type Caller, callerOf } from "./caller.ts";
import { createFronts, type FrontsNeeds } from "./fronts.ts";
import { holdUntilDurable } from "./held.ts";
import { createHttpDoor, type HttpDoor } from "./http.ts";
import { createLambdaApi } from "./lambda-api/lambda-api.ts";
import type { Identify, LambdaApiNeeds } from "./lambda-api/needs.ts";
import type { RequestParts } from "./proxy/parts.ts";
import { credentialOf } from "./proxy/signer.ts";

export interface EdgeNeeds extends LambdaApiNeeds, BesideLambda {
  /** Told of every answer of a function URL. */
  readonly urlAnswered?: FrontsNeeds["urlAnswered"];
  /** Where the services are that are not here. */
  readonly upstreams?: Upstreams | undefined;
  /** Proves who sends a request. Absent: whoever asks is who they say. */
  readonly auth?: Auth | undefined;
  /** The platform's own paths (`/_thaw/…`, `/_localstack/health`). */
  readonly admin: Admin;
}

/** The front doors. */
export type Edge = HttpDoor;

/** Builds the front doors; nothing listens yet. */
export function createEdge(needs: EdgeNeeds): Edge {
  const { auth } = needs;
  const proved = new WeakMap<IncomingMessage, Caller>();
  const identify: Identify =
    auth === undefined
      ? ({ headers }) => callerOf(headers.authorization)
      : (request) => proved.get(request) ?? neverProved();
  const lambda = createLambdaApi(needs, identify);
  const apis = createApis(needs.registry);
  const restApis = createRestApis(needs.registry);
  const balancers = createBalancers(needs.registry);
  const fronts = createFronts({
    registry: needs.registry,
    apis,
    restApis,
    balancers,
    invoke: needs.invoke,
    wait: lambda.wait,
    signer,
    urlAnswered: needs.urlAnswered,
    report: needs.report,
  });
  const services = createServices({
    ...needs,
    apis,
    restApis,
    balancers,
    forgetAuthorizations: fronts.forgetAuthorizations,
    testMethod: fronts.testMethod,
    provisioning: lambda.provisioning,
  });

  async function other(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    const { pathname } = url;
    const caller = identify(request);
    const signedForLambda = caller.service === "" || caller.service === "lambda";
    if (signedForLambda && lambda.owns(pathname)) {
      if (caller.anonymous && !lambda.isOpen(pathname)) throw noSignature();
      return lambda.handle(request, response, url, requestId);
    }
    // An object's key may begin with anything: what is signed for S3 is S3's.
    const isObject = caller.service === "s3";
    if (!isObject && pathname.startsWith("/_thaw/") && fromSandbox(request)) {
      throw new ServiceError("AccessDeniedException", `${pathname} is the operator's, not a function's`);
    }
    if (!isObject && auth !== undefined && pathname.startsWith("/_thaw/")) checkOperator(caller, pathname);
    if (!isObject && pathname.startsWith("/_") && needs.admin.serve(request, response, url)) return undefined;
    const elsewhere = isElsewhere(needs.upstreams, caller.service);
    const service = elsewhere ? undefined : services.find(request, url, caller.service);
    if (service !== undefined) {
      if (caller.anonymous && service.anonymous !== true) throw noSignature();
      if (auth !== undefined && !caller.anonymous) checkScope(caller, service.signingName);
      return (await services.loaded(service)).serve({ request, response, url, requestId, caller });
    }
    if (caller.anonymous) throw noSignature();
    if (signedForLambda) {
      request.resume();
      throw new ServiceError("UnknownOperationException", `${request.method} ${pathname} is no operation of Lambda`);
    }
    const target = String(request.headers["x-amz-target"] ?? url.searchParams.get("Action") ?? "*");
    authorizeOperation(caller, target.slice(target.lastIndexOf(".") + 1), {});
    return forward(needs.upstreams, caller.service, request, response);
  }

  async function prove(auth: Auth, request: IncomingMessage, path?: string): Promise<Caller> {
    // What is open is so whatever a client signs with: scripts that wait for the platform have no key yet.
    const caller = path !== undefined && openPaths.has(path) ? unsigned : await auth.authenticate(request);
    proved.set(request, caller);
    return caller;
  }

  /** Of a request to a front door: who signed it for that service. Undefined: nobody. Rejects with Refusal. */
  async function signer(request: IncomingMessage, parts: RequestParts, service: string): Promise<Caller | undefined> {
    const credential = credentialOf(parts.headers, parts.query);
    if (credential === undefined) return undefined;
    const caller = auth === undefined ? callerOf(`Credential=${credential}`) : await prove(auth, request);
    checkScope(caller, service);
    return caller;
  }

  /** In the words of the service that it was meant for, as far as an unproved request can tell. */
  function refuse(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string, error: unknown) {
    const presigned = url.searchParams.get("X-Amz-Credential")?.split("/").at(-2);
    const named = presigned ?? callerOf(request.headers.authorization).service;
    const service = named === "lambda" || lambda.owns(url.pathname) ? undefined : services.find(request, url, named);
    const protocol = service?.protocol ?? (service?.target === undefined ? "rest-json" : "json");
    sendRefusal(protocol, request, response, requestId, error, needs.report);
  }

  const door = createHttpDoor({
    front: (request, response, requestId) => void fronts.serve(request, response, requestId),
    upgrade: (request, socket, head, requestId) => void fronts.upgrade(request, socket, head, requestId),
    invoke(request, response, name, query, requestId) {
      if (auth === undefined) {
        void lambda.invoke(request, response, name, query, requestId);
        return;
      }
      prove(auth, request)
        .then((caller) => {
          if (caller.anonymous) throw noSignature();
          checkScope(caller, "lambda");
          return lambda.invoke(request, response, name, query, requestId);
        })
        .catch((error: unknown) => sendRefusal("rest-json", request, response, requestId, error, needs.report));
    },
    other(request, response, url, requestId) {
      if (fronts.ownsDomain(url.hostname)) {
        void fronts.serveDomain(request, response, url.hostname, requestId);
        return;
      }
      holdUntilDurable(response, needs.registry.durable, needs.report);
      const served = auth === undefined ? undefined : prove(auth, request, url.pathname);
      const answered =
        served === undefined
          ? other(request, response, url, requestId)
          : served.then(() => other(request, response, url, requestId));
      answered.catch((error: unknown) => refuse(request, response, url, requestId, error));
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
      needs.admin.close();
      await services.stop();
      await Promise.all([fronts.close(), door.drain(ms)]);
    },
  };
}

/** Of what is the operator's, only what tells whether the platform is there is open to everybody. */
const openPaths: ReadonlySet<string> = new Set([
  "/_localstack/health",
  "/_thaw/health",
  "/_thaw/info",
  "/_thaw/ready",
  ...pagePaths,
]);

/** The operator has the keys of the root user of the platform's own account (`thaw env`). Throws Refusal, or AccessDeniedException. */
function checkOperator(caller: Caller, path: string): void {
  if (openPaths.has(path)) return;
  if (caller.anonymous) throw noSignature();
  if (caller.principal?.kind === "root" && caller.account === operatorAccount) return;
  throw new ServiceError("AccessDeniedException", `${path} is the operator's`);
}

const operatorAccount = "000000000000";

/** A signature for one service is none for another. Throws Refusal. */
function checkScope({ service }: Caller, wanted: string): void {
  if (service === wanted) return;
  throw new Refusal("mismatch", `Credential should be scoped to correct service: '${wanted}'.`);
}

const noSignature = (): Refusal => new Refusal("missing", "Missing Authentication Token");

/** Whoever gets here has let a request past the check: better nobody than anybody. */
function neverProved(): never {
  throw new Error("a request was served before its signature was checked");
}

/** Functions reach the endpoint through its Unix socket: what it shows of others' logs and environments is not for them. */
function fromSandbox(request: IncomingMessage): boolean {
  return request.socket.remoteAddress === undefined && request.socket.localAddress === undefined;
}
