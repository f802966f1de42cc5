import type { ServerResponse } from "node:http";
import { type ErrorCode, ServiceError } from "../../model/index.ts";
import type { Scope } from "../../registry/index.ts";
import { serviceError } from "../answer.ts";
import { authorize, authorizeOperation } from "../auth/index.ts";
import { readBody } from "../body.ts";
import type { Caller } from "../caller.ts";
import type { ServiceModel } from "../lambda-api/model.ts";
import { collectInput } from "../lambda-api/request.ts";
import { createRouter, type Router } from "../lambda-api/routes.ts";
import { validate } from "../lambda-api/validate.ts";
import type { Exchange } from "./service.ts";

/** One call of an AWS REST-JSON service; the input has been checked against the model. */
export interface RestCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  /** who asks, for operations that have more to check than their own permission */
  readonly caller?: Caller;
}

/** Answers one operation with its document, or with nothing. `origin`: `http://host:port` as the client reached us. Throws ServiceError. */
export type RestOperation = (call: RestCall<never>, origin: string) => object | undefined | Promise<object | undefined>;

export interface RestService {
  readonly model: ServiceModel;
  readonly operations: Readonly<Record<string, RestOperation>>;
  /** most bytes of a request */
  readonly requestBytes: number;
  /** the service's own code for input that breaks a constraint of the model or is no JSON; left out: as the model's front end has it */
  readonly invalid?: ErrorCode;
  /** what a request needs permission for; left out: the operation by its name, of what it names */
  permission?(method: string, path: string, scope: Scope): { readonly action: string; readonly resource: string };
  report(error: unknown): void;
}

/** Serves a service in the AWS REST-JSON 1 protocol. Source: Smithy, "AWS restJson1 protocol". */
export function createRestJson(service: RestService): (exchange: Exchange) => Promise<void> {
  const router: Router = createRouter(service.model);
  return async ({ request, response, url, requestId, caller }) => {
    try {
      const { name, labels } = find(router, request.method ?? "GET", url);
      const operation = service.operations[name];
      if (operation === undefined) throw refusal("NotImplementedException", `Thaw does not implement ${name} yet`);
      const { input: shape = "", status } = service.model.operations[name]!;
      const body = await readBody(request, service.requestBytes, () =>
        refusal("RequestTooLargeException", `Request must be smaller than ${service.requestBytes} bytes`),
      );
      const given = collectInput(service.model, shape, {
        labels,
        query: url.searchParams,
        headers: request.headers,
        body,
      });
      const { account, region } = caller;
      const input = validate(service.model, shape, given) as never;
      const asked = service.permission?.(request.method ?? "GET", url.pathname, caller);
      if (asked === undefined) authorizeOperation(caller, name, input);
      else if (caller.permissions !== undefined) authorize(caller, asked);
      const scope = { account, region };
      send(response, status, requestId, (await operation({ input, scope, caller }, url.origin)) ?? {});
    } catch (error) {
      request.resume();
      const { code: thrown, kind, message } = serviceError(error, service.report);
      const code = kind.status === 400 && ofTheModel.has(thrown) ? (service.invalid ?? thrown) : thrown;
      send(response, kind.status, requestId, { code, message }, { "x-amzn-errortype": code });
    }
  };
}

/** What checking against the model throws. */
const ofTheModel: ReadonlySet<string> = new Set(["ValidationException", "SerializationException"]);

function find(router: Router, method: string, url: URL) {
  let match: ReturnType<Router>;
  try {
    match = router(method, url.pathname, url.searchParams);
  } catch {
    throw refusal("ValidationException", `The path is not well percent-encoded: ${url.pathname}`);
  }
  if (match === undefined) throw refusal("UnknownOperationException", `${method} ${url.pathname} is no operation`);
  return { name: match.operation, labels: match.labels };
}

const refusal = (code: ErrorCode, message: string): ServiceError => new ServiceError(code, message);

function send(
  response: ServerResponse,
  status: number,
  requestId: string,
  document: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(document);
  if (status === 204) {
    response.writeHead(204, { "x-amzn-requestid": requestId }).end();
    return;
  }
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
    ...headers,
  });
  response.end(text);
}
