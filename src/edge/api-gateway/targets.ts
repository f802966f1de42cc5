import type { Registry, ResourcePolicyRecord, Scope } from "../../registry/index.ts";
import type { Texts } from "./records.ts";

/** A function as an integration or an authorizer names it. */
export interface FunctionTarget extends Scope {
  readonly name: string;
  readonly qualifier: string | undefined;
}

/**
 * Reads a function's ARN, or `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`, with `${stageVariables.x}`
 * replaced. Undefined: it names no function.
 */
export function functionTarget(uri: string, variables: Texts): FunctionTarget | undefined {
  const text = withVariables(uri, variables);
  const known = targets.get(text);
  if (known !== undefined) return known;
  const found = namedBy(text);
  if (targets.size >= mostTargets) targets.clear();
  if (found !== undefined) targets.set(text, found);
  return found;
}

/** What was read before, for every request asks again. */
const targets = new Map<string, FunctionTarget>();
const mostTargets = 10_000;

function namedBy(text: string): FunctionTarget | undefined {
  const wrapped = /^arn:[^:]+:apigateway:[^:]+:lambda:path\/[^/]+\/functions\/(.+)\/invocations$/.exec(text)?.[1];
  const [, region = "", account = "", name = "", qualifier] =
    /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:([^:]+)(?::([^:]+))?$/.exec(wrapped ?? text) ?? [];
  return name === "" ? undefined : { account, region, name, qualifier: qualifier || undefined };
}

/** A variable that the stage does not have is nothing. */
export const withVariables = (text: string, variables: Texts): string =>
  !text.includes("${")
    ? text
    : text.replace(/\$\{stageVariables\.(\w+)\}/g, (_whole, name: string) =>
        Object.hasOwn(variables, name) ? variables[name]! : "",
      );

/** May API Gateway call the function for this part of the API? `part`: `<stage>/<method>/<path>` or `authorizers/<id>`. */
export function mayCall(
  { functionPolicies }: Pick<Registry, "functionPolicies">,
  target: FunctionTarget,
  api: Scope & { readonly apiId: string },
  part: string,
): boolean {
  const { name, qualifier } = target;
  const whole = functionPolicies.get(target, name) ?? noPolicy;
  const own = qualifier === undefined ? noPolicy : (functionPolicies.get(target, name, qualifier) ?? noPolicy);
  if (whole === noPolicy && own === noPolicy) return false;
  const sourceArn = executeArn(api, part);
  // A policy that changes is another record, and nothing else decides.
  const known = answersOf(own === noPolicy ? whole : own);
  const key = `${sourceArn} ${qualifier ?? ""} ${whole.revisionId}`;
  let allowed = known.get(key);
  if (allowed === undefined) {
    const call = { service: "apigateway.amazonaws.com", sourceArn, sourceAccount: api.account };
    allowed = functionPolicies.isAllowed(target, name, qualifier, call);
    if (known.size >= 1000) known.clear();
    known.set(key, allowed);
  }
  return allowed;
}

const noPolicy: ResourcePolicyRecord = { document: "", revisionId: "" };

const answers = new WeakMap<ResourcePolicyRecord, Map<string, boolean>>();

function answersOf(record: ResourcePolicyRecord): Map<string, boolean> {
  const known = answers.get(record) ?? new Map<string, boolean>();
  answers.set(record, known);
  return known;
}

export const executeArn = ({ region, account, apiId }: Scope & { readonly apiId: string }, part: string): string =>
  `arn:aws:execute-api:${region}:${account}:${apiId}/${part}`;
