import type { IncomingMessage } from "node:http";
import { anonymous, evaluate } from "../../../policy/index.ts";
import { reasonAgainst } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import { callFunction } from "../../proxy/call.ts";
import { one } from "../../proxy/parts.ts";
import { isDocument, parsed } from "../../proxy/result-2.ts";
import { accessKeyOf } from "../../proxy/signer.ts";
import { inTime } from "../authorizers/authorizers.ts";
import { createJwtAuthorizer } from "../authorizers/jwt.ts";
import { createVerdicts, type Verdict, verdictOf } from "../authorizers/lambda.ts";
import type { GatewayNeeds } from "../needs.ts";
import { executeArn, functionTarget, mayCall } from "../targets.ts";
import { Faulty } from "./answers.ts";
import type { RestArrival } from "./arrival.ts";
import { methodValue } from "./context.ts";
import { fits } from "./pattern.ts";
import { policyOf } from "./policy.ts";
import type { RestAuthorizer } from "./records.ts";
import type { SelectedMethod } from "./select.ts";
import { authorizerEvent } from "./to-event.ts";

/** What has been found out of who asks. */
export interface Granted {
  /** `requestContext.authorizer` */
  readonly authorizer?: object | undefined;
  /** members of `requestContext.identity` */
  readonly identity?: object | undefined;
  /** the API key that an authorizer names */
  readonly apiKey?: string | undefined;
}

export interface RestAuthorizers {
  /** Throws Faulty; rejects with Refusal for a wrong signature. */
  decide(request: IncomingMessage, arrival: RestArrival, selected: SelectedMethod): Promise<Granted>;
  /** Forgets what authorizers have said for a stage. */
  forget(apiId: string, stage: string): void;
}

/** An authorizer's function has as long as an integration's. */
const functionMs = 29_000;

/** Source: API Gateway Developer Guide, "Use API Gateway Lambda authorizers", "Control access to a REST API with resource policies". */
export function createRestAuthorizers(needs: GatewayNeeds): RestAuthorizers {
  const jwt = createJwtAuthorizer();
  const verdicts = createVerdicts(Date.now);

  async function bySignature(request: IncomingMessage, arrival: RestArrival): Promise<Granted> {
    const { parts, record } = arrival;
    const caller = await needs.signer(request, parts, "execute-api");
    if (caller === undefined) throw new Faulty("MISSING_AUTHENTICATION_TOKEN");
    const resource = methodArn(arrival);
    const statements = policyOf(arrival.record, arrival.definition);
    const why = reasonAgainst(caller, {
      action,
      resource,
      owner: record.account,
      context: contextOf(arrival),
      ...(statements === undefined
        ? {}
        : { policy: ({ principal, context }) => evaluate(statements, { principal, action, resource, context }) }),
    });
    if (why !== undefined)
      throw new Faulty(
        "ACCESS_DENIED",
        `${who(caller)} is not authorized to perform: ${action} on resource: ${resource} ${why}`,
      );
    const user = caller.principal?.userId ?? caller.account;
    return {
      identity: {
        accountId: caller.account,
        caller: user,
        accessKey: accessKeyOf(parts) ?? "",
        userArn: caller.principal?.arn ?? `arn:aws:iam::${caller.account}:root`,
        user,
      },
    };
  }

  async function verdictFor(
    arrival: RestArrival,
    selected: SelectedMethod,
    authorizer: RestAuthorizer,
  ): Promise<Verdict & { readonly key?: string }> {
    const { parts, record, stage } = arrival;
    const { id, authorizerResultTtlInSeconds: seconds = 0 } = authorizer;
    const sources = (authorizer.identitySource ?? "").split(",").flatMap((source) => source.trim() || []);
    const identity = sources.map((source) => methodValue(arrival, selected.pathParameters, source));
    const byToken = authorizer.type === "TOKEN";
    if ((byToken || seconds > 0) && identity.some((value) => value === undefined || value === "")) {
      throw new Faulty("UNAUTHORIZED");
    }
    const expression = authorizer.identityValidationExpression ?? "";
    if (byToken && expression !== "" && !fits(`^(?:${expression})$`, identity[0]!)) throw new Faulty("UNAUTHORIZED");
    const key = `${record.api.id}/${stage.stageName}/${id}/${JSON.stringify(identity)}`;
    const keeps = seconds > 0 && identity.length > 0;
    const kept = keeps ? verdicts.get(key) : undefined;
    if (kept !== undefined) return kept;
    const target = functionTarget(authorizer.authorizerUri ?? "", stage.variables ?? {});
    const api = { account: record.account, region: record.region, apiId: record.api.id };
    const byRole = authorizer.authorizerCredentials !== undefined;
    if (target === undefined || (!byRole && !mayCall(needs.registry, target, api, `authorizers/${id}`))) {
      throw new Faulty("AUTHORIZER_CONFIGURATION_ERROR");
    }
    const arn = methodArn(arrival);
    const event = byToken
      ? { type: "TOKEN", methodArn: arn, authorizationToken: identity[0] }
      : authorizerEvent({ arrival, selected }, arn);
    const { requestId, received } = parts;
    const payload = Buffer.from(JSON.stringify(event));
    const traceId = one(parts.headers, "x-amzn-trace-id");
    const call = callFunction(needs, { ...target, payload, requestId, traceId, received });
    const outcome = (await inTime(call, functionMs))?.outcome;
    // A function that fails with this word says no.
    if (outcome?.kind === "failed" && errorMessage(outcome.failure.payload) === "Unauthorized")
      throw new Faulty("UNAUTHORIZED");
    const verdict = outcome?.kind === "returned" ? verdictOf(outcome.payload, false) : undefined;
    if (outcome?.kind !== "returned" || verdict === undefined) throw new Faulty("AUTHORIZER_CONFIGURATION_ERROR");
    const document = parsed(outcome.payload)?.value;
    const usage = isDocument(document) ? document.usageIdentifierKey : undefined;
    const named = typeof usage === "string" ? { ...verdict, key: usage } : verdict;
    if (keeps) verdicts.put(key, named, seconds);
    return named;
  }

  async function byFunction(
    arrival: RestArrival,
    selected: SelectedMethod,
    authorizer: RestAuthorizer,
  ): Promise<Granted> {
    const verdict = await verdictFor(arrival, selected, authorizer);
    if (verdict.kind !== "policy") throw new Faulty("AUTHORIZER_CONFIGURATION_ERROR");
    const { decision } = evaluate(verdict.statements, {
      action,
      resource: methodArn(arrival),
      context: contextOf(arrival),
    });
    if (decision === "deny")
      throw new Faulty("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny");
    if (decision !== "allow") throw new Faulty("ACCESS_DENIED", "User is not authorized to access this resource");
    const context: Record<string, string> = {};
    for (const [name, value] of Object.entries(verdict.context)) {
      // "The context object can contain only strings, numbers and booleans", and they come as texts.
      if (typeof value === "object" && value !== null) throw new Faulty("AUTHORIZER_CONFIGURATION_ERROR");
      if (name !== "__proto__") context[name] = String(value);
    }
    return { authorizer: { ...context, principalId: verdict.principalId, integrationLatency: 0 }, apiKey: verdict.key };
  }

  async function byToken(
    arrival: RestArrival,
    { method, pathParameters }: SelectedMethod,
    authorizer: RestAuthorizer,
  ): Promise<Granted> {
    const source = authorizer.identitySource ?? "method.request.header.Authorization";
    const token = methodValue(arrival, pathParameters, source);
    for (const { issuer, audience } of issuersOf(arrival, authorizer)) {
      const settings = { jwtConfiguration: { issuer, ...(audience === undefined ? {} : { audience }) } };
      const granted = await jwt(settings, method.authorizationScopes ?? [], token);
      if (typeof granted === "object") {
        const { claims } = granted.shown1 as { readonly claims: object };
        return { authorizer: { claims } };
      }
    }
    throw new Faulty("UNAUTHORIZED");
  }

  return {
    async decide(request, arrival, selected) {
      const { authorizationType: type, authorizerId = "" } = selected.method;
      if (type === "AWS_IAM") return bySignature(request, arrival);
      checkPolicy(arrival);
      if (type === "NONE") return {};
      const { authorizers } = arrival.definition;
      const authorizer = Object.hasOwn(authorizers, authorizerId) ? authorizers[authorizerId] : undefined;
      if (authorizer === undefined) throw new Faulty("AUTHORIZER_CONFIGURATION_ERROR");
      const asksFunction = authorizer.type === "TOKEN" || authorizer.type === "REQUEST";
      return asksFunction ? byFunction(arrival, selected, authorizer) : byToken(arrival, selected, authorizer);
    },
    forget: (apiId, stage) => verdicts.forget(`${apiId}/${stage}/`),
  };
}

const action = "execute-api:Invoke";

const who = ({ principal, account }: Caller): string => `User: ${principal?.arn ?? `arn:aws:iam::${account}:root`}`;

function methodArn({ record, stage, parts, path }: RestArrival): string {
  const api = { account: record.account, region: record.region, apiId: record.api.id };
  return executeArn(api, `${stage.stageName}/${parts.method}${path}`);
}

const contextOf = ({ parts }: RestArrival) => ({ "aws:SourceIp": parts.sourceIp, "aws:UserAgent": parts.userAgent });

/** Who is not signed for, a resource policy must let in as everybody. Throws Faulty. */
function checkPolicy(arrival: RestArrival): void {
  const statements = policyOf(arrival.record, arrival.definition);
  if (statements === undefined) return;
  const resource = methodArn(arrival);
  const { decision } = evaluate(statements, { principal: anonymous, action, resource, context: contextOf(arrival) });
  if (decision === "allow") return;
  const words = decision === "deny" ? " with an explicit deny in a resource-based policy" : "";
  throw new Faulty(
    "ACCESS_DENIED",
    `User: anonymous is not authorized to perform: ${action} on resource: ${resource}${words}`,
  );
}

/**
 * Of a user pool, Cognito's own issuer; the API's tag `thaw:issuer` names another, because pools that AWS does not have cannot be asked
 * there. Tokens of pools are for any of their clients.
 */
function issuersOf({ record }: RestArrival, { providerARNs = [], jwtConfiguration }: RestAuthorizer) {
  const given = record.api.tags?.["thaw:issuer"];
  if (given !== undefined) return [{ issuer: given, audience: undefined }];
  const pools = providerARNs.flatMap((arn) => {
    const [, region, pool] = /^arn:[^:]+:cognito-idp:([^:]+):\d*:userpool\/(.+)$/.exec(arn) ?? [];
    return pool === undefined
      ? []
      : [{ issuer: `https://cognito-idp.${region}.amazonaws.com/${pool}`, audience: undefined }];
  });
  const issuers = (jwtConfiguration?.issuers ?? []).map(({ issuer, issuerUrl, audience }) => ({
    issuer: issuer ?? issuerUrl ?? "",
    audience,
  }));
  return [...pools, ...issuers];
}

function errorMessage(payload: Buffer): unknown {
  const document = parsed(payload)?.value;
  return isDocument(document) ? document.errorMessage : undefined;
}
