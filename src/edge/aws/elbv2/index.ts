import type { ServerResponse } from "node:http";
import { ServiceError } from "../../../model/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { Balancers } from "../../alb/balancers.ts";
import { createHealth } from "../../alb/health.ts";
import { authorizeOperation } from "../../auth/index.ts";
import { readBody } from "../../body.ts";
import { validate } from "../../lambda-api/validate.ts";
import type { CallNeeds } from "../../proxy/call.ts";
import { readForm, writeForm } from "../forms.ts";
import type { AwsService, Exchange } from "../service.ts";
import { writeXml } from "../xml.ts";
import type { BalancerCall, BalancerContext } from "./context.ts";
import * as listeners from "./listeners.ts";
import * as balancers from "./load-balancers.ts";
import { BalancerRefusal, forms, model } from "./model.ts";
import * as tags from "./tags.ts";
import * as groups from "./target-groups.ts";

const namespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
const mostBytes = 1024 * 1024;

type Operation = (context: BalancerContext, call: BalancerCall<never>) => object;

/** Functions that are called as their actions, but for the first letter. */
const operations = new Map(
  Object.entries({ ...balancers, ...listeners, ...groups, ...tags }).map(([name, operation]) => [
    name.charAt(0).toUpperCase() + name.slice(1),
    operation as Operation,
  ]),
);

export interface BalancersNeeds extends Pick<CallNeeds, "invoke"> {
  readonly registry: Registry;
  readonly balancers: Balancers;
  report(error: unknown): void;
}

/** Elastic Load Balancing v2 in the Query protocol: Application Load Balancers of functions. What they answer is in edge/alb. */
export function createElasticLoadBalancing(needs: BalancersNeeds): AwsService {
  const health = createHealth({ ...needs, wait: () => undefined });
  const context: BalancerContext = { ...needs, health, clock: Date.now };
  return {
    serve: (exchange) => serve(context, exchange, needs.report),
    start() {
      for (const { name, account } of needs.balancers.groups.everything()) health.changed(name, account);
    },
    stop: health.close,
  };
}

async function serve(context: BalancerContext, exchange: Exchange, report: (error: unknown) => void): Promise<void> {
  const { request, response, url, requestId, caller } = exchange;
  try {
    const tooLarge = () =>
      new ServiceError("RequestTooLargeException", `Request must be smaller than ${mostBytes} bytes`);
    const fields = new URLSearchParams((await readBody(request, mostBytes, tooLarge)).toString("utf8"));
    for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
    const name = fields.get("Action") ?? "";
    const run = operations.get(name);
    if (run === undefined || model.operations[name] === undefined) {
      throw new BalancerRefusal("InvalidAction", `The action ${name} is not valid for this web service.`);
    }
    const { input: shape = "", output } = model.operations[name];
    const input = validate(model, shape, withoutEmpty(readForm(forms, shape, fields))) as never;
    authorizeOperation(caller, name, input, () => namedIn(input));
    const { account, region } = caller;
    const port = url.port === "" ? "" : `:${url.port}`;
    const document = run(context, { input, scope: { account, region }, port });
    const result = output === undefined ? "" : writeForm(forms, output, document);
    const metadata = writeXml({ ResponseMetadata: { RequestId: requestId } });
    const text = `<${name}Response xmlns="${namespace}"><${name}Result>${result}</${name}Result>${metadata}</${name}Response>`;
    send(response, 200, requestId, text);
  } catch (error) {
    request.resume();
    const { status, code, message } = failureOf(error, report);
    const Type = status < 500 ? "Sender" : "Receiver";
    const detail = writeXml({ Error: { Type, Code: code, Message: message }, RequestId: requestId });
    send(response, status, requestId, `<ErrorResponse xmlns="${namespace}">${detail}</ErrorResponse>`);
  }
}

/** `Names=` of an older client is no list of nothing: it asks for everything. */
function withoutEmpty(input: unknown): Record<string, unknown> {
  const given = Object.entries(input as Record<string, unknown>);
  return Object.fromEntries(
    given.filter(([name, value]) => !/^(?:Names|.+Arns)$/.test(name) || (value as unknown[]).length > 0),
  );
}

/** The ARNs that a request is about; all of them where it names none. */
function namedIn(input: Readonly<Record<string, unknown>>): string[] {
  const arns = Object.entries(input).flatMap(([name, value]) => (/Arns?$/.test(name) ? [value].flat() : []));
  return arns.length === 0 ? ["*"] : arns.map(String);
}

function failureOf(error: unknown, report: (error: unknown) => void) {
  if (error instanceof BalancerRefusal) return error;
  if (error instanceof ServiceError) {
    const { code, message, kind } = error;
    if (code === "AccessDeniedException") return { code: "AccessDenied", status: 403, message };
    if (kind.status === 400) return { code: "ValidationError", status: 400, message };
    return { code, status: kind.status, message };
  }
  report(error);
  return {
    code: "InternalFailure",
    status: 500,
    message: "The request processing has failed because of an unknown error.",
  };
}

function send(response: ServerResponse, status: number, requestId: string, text: string): void {
  response.writeHead(status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
