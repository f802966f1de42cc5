import type { IncomingMessage, ServerResponse } from "node:http";
import { type FunctionVersion, ServiceError } from "../../model/index.ts";
import { sendError, sendJson } from "../answer.ts";
import { readBody } from "../body.ts";
import { checkAccess } from "./access.ts";
import { codePrefix, createCodeLinks } from "./code-links.ts";
import { serveInvocation } from "./invoke.ts";
import { asyncName, serveInvokeAsync } from "./invoke-async.ts";
import { serveStream, streamedName } from "./invoke-stream.ts";
import { inputShape, serviceModel } from "./model.ts";
import type { Identify, LambdaApiNeeds } from "./needs.ts";
import type { Call, Operation } from "./operation.ts";
import { operations } from "./operations/index.ts";
import { createPreparation } from "./preparation.ts";
import { createProvisioning, type Provisioning } from "./provisioning.ts";
import { collectInput } from "./request.ts";
import { createRouter, type Router } from "./routes.ts";
import { modelFor } from "./runtime-names.ts";
import { validate } from "./validate.ts";

/** Bytes of a request to the control plane: 50 MB of zip in base64, and something for the rest. Source: the texts AWS answers with. */
const requestBytes = (operation: string): number => (operation === "CreateFunction" ? 70_167_211 : 69_905_067);

/** The door of the Lambda API. Each function answers the request wholly and never rejects. */
export interface LambdaApi {
  /** `POST /2015-03-31/functions/{name}/invocations`; `name` as it stands in the path, `query` without `?` */
  invoke(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    query: string,
    requestId: string,
  ): Promise<void>;
  /** any other request that is meant for Lambda */
  handle(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string): Promise<void>;
  /** keeps ready what is provisioned; also for those who change it by other doors */
  readonly provisioning: Provisioning;
  /** resolves when a version in the making is ready, rejects when it cannot be; undefined: it is */
  wait(target: FunctionVersion): Promise<void> | undefined;
  /** does this path belong to us? (`/_thaw/code/…`, `/2015-03-31/…`) */
  owns(path: string): boolean;
  /** does it carry its own permission, so that a signature is not asked for? (`/_thaw/code/…`) */
  isOpen(path: string): boolean;
  /** to be called once, when the server is about to listen */
  resume(): void;
  /** to be called once, when the server is about to stop */
  pause(): void;
}

export function createLambdaApi(needs: LambdaApiNeeds, identify: Identify): LambdaApi {
  const preparation = createPreparation(needs);
  const provisioning = createProvisioning(needs);
  const links = createCodeLinks();
  const invokeNeeds = { ...needs, preparation, identify };
  let router: Router | undefined;

  async function control(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    const model = serviceModel();
    router ??= createRouter(model);
    const match = route(router, request.method ?? "GET", url);
    if (match === undefined) {
      request.resume();
      throw new ServiceError(
        "UnknownOperationException",
        `${request.method} ${url.pathname} is no operation of Lambda`,
      );
    }
    const { operation: name, labels } = match;
    const load = operations[name];
    if (load === undefined) {
      request.resume();
      throw new ServiceError("NotImplementedException", `Thaw does not implement lambda:${name} yet`);
    }
    const description = model.operations[name]!;
    const body = await readBody(request, requestBytes(name), () => tooLarge(name));
    const parts = { labels, query: url.searchParams, headers: request.headers, body };
    const given = collectInput(model, description.input!, parts);
    const input = validate(
      await modelFor(name, needs.artifacts),
      inputShape(name, description.input!, given as Record<string, unknown>),
      given,
    );
    const operation = (await load()) as Operation<unknown>;
    const caller = identify(request);
    checkAccess(needs.registry, caller, name, input);
    const scope = { account: caller.account, region: caller.region };
    const call: Call<unknown> = { input, scope, caller, origin: url.origin, needs, preparation, provisioning, links };
    const reply = await operation(call);
    sendJson(response, reply.status ?? description.status, requestId, reply.body);
  }

  async function download(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    request.resume();
    const zip = await needs.artifacts.getZip(links.open(url.pathname, url.searchParams));
    response.writeHead(200, {
      "content-type": "application/zip",
      "content-length": zip.length,
      "x-amzn-requestid": requestId,
    });
    response.end(zip);
  }

  async function serve(request: IncomingMessage, response: ServerResponse, url: URL, requestId: string) {
    if (url.pathname.startsWith(codePrefix)) return download(request, response, url, requestId);
    const asynchronous = asyncName(request.method ?? "", url.pathname);
    if (asynchronous !== undefined) {
      return serveInvokeAsync(invokeNeeds, request, response, asynchronous, requestId);
    }
    const streamed = streamedName(request.method ?? "", url.pathname);
    if (streamed === undefined) return control(request, response, url, requestId);
    return serveStream(invokeNeeds, request, response, streamed, url.search.slice(1), requestId);
  }

  return {
    provisioning,
    wait: preparation.wait,
    invoke: (request, response, name, query, requestId) =>
      serveInvocation(invokeNeeds, request, response, name, query, requestId).catch((error: unknown) => {
        request.resume();
        sendError(response, requestId, error, needs.report);
      }),
    handle: (request, response, url, requestId) =>
      serve(request, response, url, requestId).catch((error: unknown) =>
        sendError(response, requestId, error, needs.report),
      ),
    owns: (path) => path.startsWith(codePrefix) || /^\/20\d\d-\d\d-\d\d\//.test(path),
    isOpen: (path) => path.startsWith(codePrefix),
    resume() {
      preparation.resume();
      provisioning.resume();
    },
    pause: preparation.pause,
  };
}

function route(router: Router, method: string, url: URL) {
  try {
    return router(method, url.pathname, url.searchParams);
  } catch (cause) {
    throw new ServiceError(
      "InvalidRequestContentException",
      `The path is not well percent-encoded: ${url.pathname}`,
      {},
      { cause },
    );
  }
}

function tooLarge(operation: string): ServiceError {
  return new ServiceError(
    "RequestEntityTooLargeException",
    `Request must be smaller than ${requestBytes(operation)} bytes for the ${operation} operation`,
  );
}
