import type { ServerResponse } from "node:http";
import { badParameter, MessageRefusal, type Messages, type Topic, topicArn } from "../../../messages/index.ts";
import { ServiceError } from "../../../model/index.ts";
import { evaluate } from "../../../policy/index.ts";
import { authorize } from "../../auth/index.ts";
import { readBody } from "../../body.ts";
import type { Caller } from "../../caller.ts";
import { validate } from "../../lambda-api/validate.ts";
import { readForm, writeForm } from "../forms.ts";
import type { AwsService, Exchange } from "../service.ts";
import { writeXml } from "../xml.ts";
import { errorOf, forms, model } from "./model.ts";
import type { SnsCall, SnsOperation } from "./operation.ts";
import * as publishing from "./publish.ts";
import * as subscriptions from "./subscriptions.ts";
import {
  addPermission,
  createTopic,
  deleteTopic,
  getTopicAttributes,
  listTagsForResource,
  listTopics,
  removePermission,
  setTopicAttributes,
  tagResource,
  untagResource,
} from "./topics.ts";

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/";
/** A batch of 256 KiB, escaped in a form, and its attributes. */
const mostBytes = 4 * 1024 * 1024;

const operations = new Map<string, SnsOperation<never>>(
  Object.entries({
    ...publishing,
    ...subscriptions,
    addPermission,
    createTopic,
    deleteTopic,
    getTopicAttributes,
    listTagsForResource,
    listTopics,
    removePermission,
    setTopicAttributes,
    tagResource,
    untagResource,
  }).map(([name, operation]) => [name.charAt(0).toUpperCase() + name.slice(1), operation as SnsOperation<never>]),
);

/** What anybody may ask who has a token or a notification. */
const open: ReadonlySet<string> = new Set(["ConfirmSubscription", "Unsubscribe"]);

export interface SnsNeeds {
  readonly messages: Messages;
  note(line: string): void;
  report(error: unknown): void;
}

/** Amazon SNS, in the Query protocol; and the certificate that its messages are signed with. */
export function createSns(needs: SnsNeeds): AwsService {
  return {
    serve(exchange) {
      const { url, response } = exchange;
      if (!url.pathname.endsWith(".pem")) return serve(needs, exchange);
      exchange.request.resume();
      response.writeHead(200, { "content-type": "application/x-pem-file" }).end(needs.messages.topics.certificate());
      return Promise.resolve();
    },
  };
}

async function serve(needs: SnsNeeds, exchange: Exchange): Promise<void> {
  const { request, response, url, requestId, caller } = exchange;
  try {
    const tooLarge = () =>
      new ServiceError("RequestTooLargeException", `Request must be smaller than ${mostBytes} bytes`);
    const body = await readBody(request, mostBytes, tooLarge);
    const fields = new URLSearchParams(body.toString("utf8"));
    for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
    const name = fields.get("Action") ?? "";
    const run = operations.get(name);
    if (run === undefined) throw unknownAction(name);
    if (caller.anonymous === true && !open.has(name)) {
      throw new MessageRefusal("MissingAuthenticationToken", "Request is missing Authentication Token");
    }
    const { input: shape = "", output } = model.operations[name]!;
    const input = checked(shape, readForm(forms, shape, fields));
    const document = await run(callOf(needs, caller, name, input) as SnsCall<never>);
    const result = output === undefined ? "" : `<${name}Result>${writeForm(forms, output, document)}</${name}Result>`;
    const metadata = writeXml({ ResponseMetadata: { RequestId: requestId } });
    send(response, 200, requestId, `<${name}Response xmlns="${namespace}">${result}${metadata}</${name}Response>`);
  } catch (error) {
    const { status, code, message } = failureOf(error, needs.report);
    const detail = writeXml({
      Error: { Type: status < 500 ? "Sender" : "Receiver", Code: code, Message: message },
      RequestId: requestId,
    });
    send(response, status, requestId, `<ErrorResponse xmlns="${namespace}">${detail}</ErrorResponse>`);
  }
}

const unknownAction = (name: string) =>
  model.operations[name] === undefined
    ? new MessageRefusal("InvalidAction", `The action ${name} is not valid for this endpoint.`)
    : new MessageRefusal("InvalidAction", `Thaw does not implement ${name} of SNS`);

/** The input in its typed form. Throws InvalidParameter, and what validate() throws. */
function checked(shape: string, input: unknown): unknown {
  const given = input as Readonly<Record<string, unknown>>;
  const missing = model.shapes[shape]?.required?.find((name) => given[name] === undefined);
  if (missing !== undefined) throw badParameter(`${missing} Reason: no value for required parameter`);
  return validate(model, shape, input);
}

function callOf(needs: SnsNeeds, caller: Caller, name: string, input: unknown): SnsCall<unknown> {
  const { topics } = needs.messages;
  const { account, region } = caller;
  if (name === "CreateTopic") {
    const resource = topicArn({ account, region }, (input as { Name: string }).Name);
    authorize(caller, { action: "sns:CreateTopic", resource });
  }
  if (name === "ListTopics" || name === "ListSubscriptions") {
    authorize(caller, { action: `sns:${name}`, resource: topicArn({ account, region }, "*") });
  }
  const may = (topic: Topic): Topic => {
    authorizeFor(caller, topic, name);
    return topic;
  };
  return {
    input,
    caller,
    topics,
    note: needs.note,
    topic: (arn) => may(topics.get(arn)),
    subscription(arn) {
      const found = topics.getSubscription(arn);
      // Whose subscription it is, may do with it what its own policies allow, whoever has the topic.
      const resource = found.record.topic;
      if (found.record.owner === caller.account) authorize(caller, { action: `sns:${name}`, resource });
      else may(topics.get(resource));
      return found;
    },
  };
}

function authorizeFor(caller: Caller, { arn, record, policy }: Topic, name: string): void {
  // A batch is so many publications.
  const action = `sns:${name === "PublishBatch" ? "Publish" : name}`;
  authorize(caller, {
    action,
    resource: arn,
    owner: record.account,
    policy: ({ principal, action: asked, context }) =>
      evaluate(policy, { principal, action: asked, resource: arn, context }),
  });
}

function failureOf(error: unknown, report: (error: unknown) => void) {
  if (error instanceof MessageRefusal) return { ...errorOf(error.code), message: error.message };
  if (error instanceof ServiceError) {
    const { code, message, kind } = error;
    if (code === "AccessDeniedException") return { ...errorOf("AuthorizationErrorException"), message };
    if (code === "ValidationException") return { ...errorOf("InvalidParameterException"), message };
    return { code, status: kind.status, message };
  }
  report(error);
  return { code: "InternalError", status: 500, message: "Encountered an internal error." };
}

function send(response: ServerResponse, status: number, requestId: string, text: string): void {
  response.writeHead(status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
