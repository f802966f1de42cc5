import type { ServerResponse } from "node:http";
import { ServiceError } from "../../model/index.ts";
import type { Registry } from "../../registry/index.ts";
import { readBody } from "../body.ts";
import { type Action, QueryError } from "./action.ts";
import { policyActions } from "./iam-policies.ts";
import { roleActions } from "./iam-roles.ts";
import type { AwsService, Exchange } from "./service.ts";
import { stsActions } from "./sts.ts";
import { writeXml, type Xml } from "./xml.ts";

export interface QueryNeeds {
  readonly registry: Pick<Registry, "roles" | "policies">;
  report(error: unknown): void;
}

interface Service {
  readonly namespace: string;
  readonly actions: Readonly<Record<string, Action>>;
}

const sts: Service = { namespace: "https://sts.amazonaws.com/doc/2011-06-15/", actions: stsActions };
const iam: Service = {
  namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
  actions: { ...roleActions, ...policyActions },
};
/** Bytes of a form: IAM's largest document has 10 KB. */
const formBytes = 1024 * 1024;

/** STS and IAM, for those whose credential or Host names one of them, and for the rest by the action. */
export const createQueryService = (needs: QueryNeeds): AwsService => ({
  serve: (exchange) => serveQuery(needs, exchange),
});

/**
 * Serves AWS's Query protocol: a form with `Action`, answered in XML. A request that does not say which service it is for
 * is told by its action. Source: Smithy, "AWS query protocol".
 */
async function serveQuery(needs: QueryNeeds, exchange: Exchange): Promise<void> {
  const { request, response, url, requestId, caller } = exchange;
  const tooLarge = () =>
    new ServiceError("RequestTooLargeException", `Request must be smaller than ${formBytes} bytes`);
  const body = await readBody(request, formBytes, tooLarge);
  const fields = new URLSearchParams(body.toString("utf8"));
  for (const [name, value] of url.searchParams) if (!fields.has(name)) fields.set(name, value);
  const action = fields.get("Action") ?? "";
  const service = caller.service || (url.hostname.split(".")[0] ?? "");
  const chosen = service === "iam" || (service !== "sts" && Object.hasOwn(iam.actions, action)) ? iam : sts;
  try {
    const run = Object.hasOwn(chosen.actions, action) ? chosen.actions[action] : undefined;
    if (run === undefined) {
      const name = `${chosen === iam ? "iam" : "sts"}:${action}`;
      throw new QueryError(400, "InvalidAction", `Thaw does not implement ${name} yet`);
    }
    const result = run({ fields, account: caller.account, registry: needs.registry });
    const answer: Xml = {
      ...(result === undefined ? {} : { [`${action}Result`]: result }),
      ResponseMetadata: { RequestId: requestId },
    };
    send(response, 200, requestId, `${action}Response`, chosen.namespace, answer);
  } catch (error) {
    const known = error instanceof QueryError;
    if (!known) needs.report(error);
    const detail: Xml = known
      ? { Type: "Sender", Code: error.code, Message: error.message }
      : { Type: "Receiver", Code: "ServiceFailure", Message: "The service encountered an internal error." };
    const status = known ? error.status : 500;
    send(response, status, requestId, "ErrorResponse", chosen.namespace, { Error: detail, RequestId: requestId });
  }
}

function send(
  response: ServerResponse,
  status: number,
  requestId: string,
  element: string,
  namespace: string,
  content: Xml,
): void {
  const text = `<${element} xmlns="${namespace}">${writeXml(content)}</${element}>`;
  response.writeHead(status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
  });
  response.end(text);
}
