import { parsePolicy, type Statement } from "../../../policy/index.ts";
import { executeArn } from "../targets.ts";
import type { RestApiRecord, RestDefinition } from "./records.ts";

const policies = new Map<string, readonly Statement[]>();
const mostPolicies = 1000;

/** A resource policy with `execute-api:/stage/GET/path` written out: `prefix` stands before the stage. */
export const withArns = (policy: string, prefix: string): string =>
  policy.replaceAll(/"execute-api:\/+/g, `"${prefix}`);

/** The statements of the resource policy that was deployed; undefined: there is none. */
export function policyOf(record: RestApiRecord, { settings }: RestDefinition): readonly Statement[] | undefined {
  const text = settings?.policy ?? "";
  if (text === "") return undefined;
  const prefix = executeArn({ account: record.account, region: record.region, apiId: record.api.id }, "");
  const key = prefix + text;
  let statements = policies.get(key);
  if (statements === undefined) {
    statements = parsePolicy(withArns(text, prefix), "resource").statements;
    if (policies.size >= mostPolicies) policies.clear();
    policies.set(key, statements);
  }
  return statements;
}
