import type { IncomingMessage } from "node:http";
import type { InvocationResult } from "../../../model/index.ts";
import { reasonAgainst } from "../../auth/index.ts";
import { callFunction } from "../../proxy/call.ts";
import { one, type RequestParts } from "../../proxy/parts.ts";
import { accessKeyOf, iamOf } from "../../proxy/signer.ts";
import type { GatewayNeeds } from "../needs.ts";
import type { ApiRecord, Authorizer, Route, Stage } from "../records.ts";
import { executeArn, functionTarget, mayCall } from "../targets.ts";
import type { Denied, Granted } from "./granted.ts";
import { createJwtAuthorizer } from "./jwt.ts";
import { createVerdicts, judged, verdictOf } from "./lambda.ts";

/** A request of which it is to be decided whether it may take a route. */
export interface Asking {
  readonly request: IncomingMessage;
  readonly parts: RequestParts;
  readonly record: ApiRecord;
  readonly stage: Stage;
  readonly route: Route;
  readonly authorizers: Readonly<Record<string, Authorizer>>;
  /** `<stage>/<method>/<path>`, as policies call it */
  readonly part: string;
  /** what an identity source stands for; undefined: the request has nothing of it */
  standsFor(source: string): string | undefined;
  /** the authorizer's event */
  eventFor(authorizer: Authorizer, identity: readonly string[], arn: string): object;
}

export interface Authorizers {
  /** Undefined: nobody is asked. */
  decide(asking: Asking): Promise<Granted | Denied | undefined>;
  /** Forgets what authorizers have said for a stage. */
  forget(apiId: string, stage: string): void;
}

/** "Maximum timeout for a Lambda authorizer": 10 seconds for HTTP APIs (Quotas). */
const functionMs = 10_000;

export function createAuthorizers(needs: GatewayNeeds): Authorizers {
  const jwt = createJwtAuthorizer();
  const verdicts = createVerdicts(Date.now);

  async function bySignature({ request, parts, record, part }: Asking): Promise<Granted | Denied> {
    const caller = await needs.signer(request, parts, "execute-api");
    if (caller === undefined) return "forbidden";
    const resource = executeArn({ ...record, apiId: record.api.apiId }, part);
    const question = { action: "execute-api:Invoke", resource, owner: record.account };
    if (reasonAgainst(caller, question) !== undefined) return "forbidden";
    const accessKey = accessKeyOf(parts);
    const iam = iamOf(caller, accessKey);
    const { account, principal } = caller;
    const user = principal?.userId ?? account;
    const userArn = principal?.arn ?? `arn:aws:iam::${account}:root`;
    return {
      shown: { iam },
      shown1: undefined,
      identity: { accessKey: accessKey ?? "", accountId: account, caller: user, user, userArn },
    };
  }

  async function byFunction(asking: Asking, authorizer: Authorizer): Promise<Granted | Denied> {
    const { parts, record, stage, part } = asking;
    const identity = authorizer.identitySource.map(asking.standsFor);
    if (identity.some((value) => value === undefined || value === "")) return "unauthorized";
    const api = { ...record, apiId: record.api.apiId };
    const arn = executeArn(api, part);
    const { authorizerId, authorizerResultTtlInSeconds: seconds = 0 } = authorizer;
    const key = `${prefixOf(api.apiId, stage.stageName)}${authorizerId}/${JSON.stringify(identity)}`;
    const keeps = seconds > 0 && identity.length > 0;
    const kept = keeps ? verdicts.get(key) : undefined;
    if (kept !== undefined) return judged(kept, arn);
    const target = functionTarget(authorizer.authorizerUri ?? "", stage.stageVariables);
    if (target === undefined) return "failed";
    const byRole = authorizer.authorizerCredentialsArn !== undefined;
    if (!byRole && !mayCall(needs.registry, target, api, `authorizers/${authorizerId}`)) return "failed";
    const event = asking.eventFor(authorizer, identity as string[], arn);
    const { requestId, received } = parts;
    const traceId = one(parts.headers, "x-amzn-trace-id");
    const payload = Buffer.from(JSON.stringify(event));
    const call = callFunction(needs, { ...target, payload, requestId, traceId, received });
    const result = await inTime(call, functionMs);
    if (result?.outcome.kind !== "returned") return "failed";
    const verdict = verdictOf(result.outcome.payload, authorizer.enableSimpleResponses === true);
    if (verdict === undefined) return "failed";
    if (keeps) verdicts.put(key, verdict, seconds);
    return judged(verdict, arn);
  }

  return {
    async decide(asking) {
      const { route, authorizers } = asking;
      const { authorizationType, authorizerId = "" } = route;
      if (authorizationType === "NONE") return undefined;
      if (authorizationType === "AWS_IAM") return bySignature(asking);
      const authorizer = Object.hasOwn(authorizers, authorizerId) ? authorizers[authorizerId] : undefined;
      if (authorizer === undefined) return "failed";
      if (authorizer.authorizerType === "REQUEST") return byFunction(asking, authorizer);
      const token = asking.standsFor(authorizer.identitySource[0] ?? "");
      return jwt(authorizer, route.authorizationScopes ?? [], token);
    },
    forget: (apiId, stage) => verdicts.forget(prefixOf(apiId, stage)),
  };
}

const prefixOf = (apiId: string, stage: string): string => `${apiId}/${stage}/`;

/** Undefined: not in time; who was asked goes on, and nobody hears of it. */
export function inTime(call: Promise<InvocationResult>, ms: number): Promise<InvocationResult | undefined> {
  // Every request comes this way: one promise instead of a race of three.
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, undefined);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
