import type { ServerResponse } from "node:http";
import type { Sealer } from "../../keys/index.ts";
import { ServiceError } from "../../model/index.ts";
import type { Registry } from "../../registry/index.ts";
import { reasonAgainst } from "../auth/index.ts";
import { createKeyring } from "../auth/keyring.ts";
import { createSessions } from "../auth/sessions.ts";
import { readBody } from "../body.ts";
import { type Action, type QueryCall, QueryError } from "./action.ts";
import { accessKeyActions } from "./iam-access-keys.ts";
import { accountActions } from "./iam-account.ts";
import { groupActions } from "./iam-groups.ts";
import { policyActions } from "./iam-policies.ts";
import { iamConditions, iamResource } from "./iam-resources.ts";
import { roleActions } from "./iam-roles.ts";
import { simulationActions } from "./iam-simulate.ts";
import { userActions } from "./iam-users.ts";
import type { AwsService, Exchange } from "./service.ts";
import { stsActions } from "./sts.ts";
import { writeXml, type Xml } from "./xml.ts";

export interface QueryNeeds {
  readonly registry: Pick<Registry, "roles" | "policies" | "named">;
  readonly sealer?: Sealer | undefined;
  report(error: unknown): void;
}

interface Service {
  readonly namespace: string;
  readonly actions: Readonly<Record<string, Action>>;
}

const sts: Service = { namespace: "https://sts.amazonaws.com/doc/2011-06-15/", actions: stsActions };
const iam: Service = {
  namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
  actions: {
    ...roleActions,
    ...policyActions,
    ...userActions,
    ...groupActions,
    ...accessKeyActions,
    ...simulationActions,
    ...accountActions,
  },
};
/** Bytes of a form: IAM's largest document has 10 KB. */
const formBytes = 1024 * 1024;

/** STS and IAM, for those whose credential or Host names one of them, and for the rest by the action. */
export function createQueryService(needs: QueryNeeds): AwsService {
  const { registry } = needs;
  const powers: Powers = { registry, keyring: createKeyring(needs), sessions: createSessions(needs) };
  return { serve: (exchange) => serveQuery(needs, powers, exchange) };
}

type Powers = Pick<QueryCall, "registry" | "keyring" | "sessions">;

/**
 * Serves AWS's Query protocol: a form with `Action`, answered in XML. A request that does not say which service it is for
 * is told by its action. Source: Smithy, "AWS query protocol".
 */
async function serveQuery(needs: QueryNeeds, powers: Powers, exchange: Exchange): Promise<void> {
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
    const call: QueryCall = { fields, account: caller.account, caller, ...powers };
    checkPermission(call, chosen === iam ? "iam" : "sts", action);
    const result = run(call);
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

/** What anybody may ask, whatever policies say. Source: STS API Reference, "GetCallerIdentity". */
const free: ReadonlySet<string> = new Set(["sts:GetCallerIdentity", "sts:GetSessionToken"]);
/** What proves who asks by something else than a signature. */
const unsignedActions: ReadonlySet<string> = new Set(["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"]);

/** Throws MissingAuthenticationToken or AccessDenied. AssumeRole is decided with the role's trust policy, see sts.ts. */
function checkPermission(call: QueryCall, service: "iam" | "sts", name: string): void {
  const { caller } = call;
  const action = `${service}:${name}`;
  if (caller.anonymous && !unsignedActions.has(action)) {
    throw new QueryError(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
  }
  if (caller.permissions === undefined || free.has(action) || action === "sts:AssumeRole") return;
  const resource = service === "iam" ? iamResource(call, name) : "*";
  const against = reasonAgainst(caller, { action, resource, context: iamConditions(call) });
  if (against === undefined) return;
  const who = `User: ${caller.principal?.arn}`;
  const message = `${who} is not authorized to perform: ${action} on resource: ${resource} ${against}`;
  throw new QueryError(403, "AccessDenied", message);
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
