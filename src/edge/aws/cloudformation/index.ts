import type { ServerResponse } from "node:http";
import { ServiceError } from "../../../model/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { Remote } from "../../../remote/index.ts";
import { createStacks, StackError, type Stacks } from "../../../stacks/index.ts";
import { authorize } from "../../auth/index.ts";
import type { SecretsNeeds } from "../../auth/secrets.ts";
import { readBody } from "../../body.ts";
import type { Caller } from "../../caller.ts";
import { validate } from "../../lambda-api/validate.ts";
import { readForm, writeForm } from "../forms.ts";
import type { AwsService, Exchange } from "../service.ts";
import { accountActor, askerOf, createSigning } from "./actor.ts";
import * as changeSets from "./change-sets.ts";
import { model } from "./model.ts";
import type { StackCall, StackOperation } from "./operation.ts";
import { createAnswers, createSending } from "./sending.ts";
import * as stackOperations from "./stack-operations.ts";
import * as templates from "./template-operations.ts";
import { templateText } from "./template-url.ts";

export interface CloudFormationNeeds extends SecretsNeeds {
  readonly registry: Pick<Registry, "named" | "roles">;
  readonly remote: Pick<Remote, "send">;
  /** where the platform listens */
  endpoint(): string;
  /** absent: signatures are not checked */
  readonly auth?: object | undefined;
  report(error: unknown): void;
}

const namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
/** A template of 51,200 bytes in a form, parameters and tags. */
const mostBytes = 4 * 1024 * 1024;

const operations = new Map<string, StackOperation<never>>(
  Object.entries({ ...stackOperations, ...changeSets, ...templates })
    .map(([name, operation]): [string, StackOperation<never>] => [
      name.charAt(0).toUpperCase() + name.slice(1),
      operation as StackOperation<never>,
    ])
    .filter(([name]) => model.operations[name] !== undefined),
);

/** AWS CloudFormation, in the Query protocol. */
export function createCloudFormation(needs: CloudFormationNeeds): AwsService {
  const signing = createSigning(needs);
  const sending = {
    remote: needs.remote,
    endpoint: needs.endpoint,
    signing,
    accountActor: (account: string) => accountActor(account, needs.auth !== undefined),
  };
  const calls = createSending(sending);
  const stacks = createStacks({
    named: needs.registry.named,
    calls,
    answers: createAnswers(sending, calls),
    clock: Date.now,
    report: needs.report,
  });
  const served: Served = { needs, stacks, calls };
  return {
    serve: (exchange) => serve(served, exchange),
    start: () => stacks.takeUp(),
    stop: () => stacks.stop(),
  };
}

interface Served {
  readonly needs: CloudFormationNeeds;
  readonly stacks: Stacks;
  readonly calls: ReturnType<typeof createSending>;
}

async function serve(served: Served, exchange: Exchange): Promise<void> {
  const { request, response, url, requestId, caller } = exchange;
  try {
    const tooLarge = () =>
      new ServiceError("RequestTooLargeException", `Request must be smaller than ${mostBytes} bytes`);
    const fields = new URLSearchParams((await readBody(request, mostBytes, tooLarge)).toString("utf8"));
    for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
    const name = fields.get("Action") ?? "";
    const run = operations.get(name);
    const shapes = model.operations[name];
    if (run === undefined || shapes === undefined) {
      throw new StackError("InvalidAction", `Thaw does not implement cloudformation:${name} yet`);
    }
    const input =
      shapes.input === undefined ? {} : validate(model, shapes.input, readForm(model, shapes.input, fields));
    authorizeStack(caller, name, input as Named, served.stacks);
    const document = await run(callOf(served, caller, input) as StackCall<never>);
    const result =
      shapes.output === undefined ? "" : `<${name}Result>${writeForm(model, shapes.output, document)}</${name}Result>`;
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    send(response, 200, requestId, `<${name}Response xmlns="${namespace}">${result}${metadata}</${name}Response>`);
  } catch (error) {
    const { status, code, message } = refusalOf(error, served.needs.report);
    const type = status >= 500 ? "Receiver" : "Sender";
    const detail = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`;
    const text = `<ErrorResponse xmlns="${namespace}">${detail}<RequestId>${requestId}</RequestId></ErrorResponse>`;
    send(response, status, requestId, text);
  }
}

function callOf({ needs, stacks, calls }: Served, caller: Caller, input: unknown): StackCall<unknown> {
  const { account, region } = caller;
  const asker: StackCall<unknown>["asker"] = (roleArn) => askerOf(needs.registry, caller, roleArn);
  return {
    input,
    caller,
    account,
    region,
    stacks,
    asker,
    // The caller must be able to read a template that it names.
    template: (given) => templateText(given, calls, asker().actor, region),
  };
}

interface Named {
  readonly StackName?: string;
  readonly ChangeSetName?: string;
}

/** Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CloudFormation". */
function authorizeStack(caller: Caller, operation: string, { StackName }: Named, stacks: Stacks): void {
  const { account, region } = caller;
  const found = StackName === undefined ? undefined : stacks.store.find(account, region, StackName);
  const made = StackName?.startsWith("arn:")
    ? StackName
    : `arn:aws:cloudformation:${region}:${account}:stack/${StackName}/*`;
  authorize(caller, {
    action: `cloudformation:${operation}`,
    resource: StackName === undefined ? "*" : (found?.id ?? made),
  });
}

function refusalOf(
  error: unknown,
  report: (error: unknown) => void,
): { status: number; code: string; message: string } {
  if (error instanceof StackError) return error;
  if (error instanceof ServiceError) {
    const { message, code, kind } = error;
    if (code === "ValidationException" || code === "SerializationException")
      return { status: 400, code: "ValidationError", message };
    if (code === "AccessDeniedException") return { status: 403, code: "AccessDenied", message };
    return { status: kind.status, code, message };
  }
  report(error);
  return {
    status: 500,
    code: "InternalFailure",
    message: "The request processing has failed because of an unknown error.",
  };
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => escapes[character]!);

function send(response: ServerResponse, status: number, requestId: string, document: string): void {
  const text = `<?xml version="1.0"?>${document}`;
  response.writeHead(status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
