import { PolicyError } from "../../../policy/index.ts";
import { JsonError } from "../json.ts";
import { statementsOf } from "./access.ts";
import { type EcrCall, invalidParameter, type Named, repositoryOf } from "./context.ts";
import { named } from "./repositories.ts";

export function setRepositoryPolicy(call: EcrCall<Named & { readonly policyText: string }>) {
  const record = repositoryOf(call);
  const { policyText } = call.input;
  try {
    statementsOf(policyText);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw invalidParameter(
      `Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided': ${error.message}`,
    );
  }
  call.context.repositories.change({ ...record, policy: policyText });
  return { ...named(record), policyText };
}

export function getRepositoryPolicy(call: EcrCall<Named>) {
  const record = repositoryOf(call);
  if (record.policy === undefined) throw none("RepositoryPolicyNotFoundException", "Repository policy", record);
  return { ...named(record), policyText: record.policy };
}

export function deleteRepositoryPolicy(call: EcrCall<Named>) {
  const answer = getRepositoryPolicy(call);
  call.context.repositories.change({ ...repositoryOf(call), policy: undefined });
  return answer;
}

export function putLifecyclePolicy(call: EcrCall<Named & { readonly lifecyclePolicyText: string }>) {
  const record = repositoryOf(call);
  const { lifecyclePolicyText } = call.input;
  if (!hasRules(lifecyclePolicyText)) {
    throw invalidParameter(
      "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: a document with rules is wanted'",
    );
  }
  call.context.repositories.change({ ...record, lifecyclePolicy: lifecyclePolicyText });
  return { ...named(record), lifecyclePolicyText };
}

export function getLifecyclePolicy(call: EcrCall<Named>) {
  const record = repositoryOf(call);
  if (record.lifecyclePolicy === undefined) throw none("LifecyclePolicyNotFoundException", "Lifecycle policy", record);
  return { ...named(record), lifecyclePolicyText: record.lifecyclePolicy };
}

export function deleteLifecyclePolicy(call: EcrCall<Named>) {
  const answer = getLifecyclePolicy(call);
  call.context.repositories.change({ ...repositoryOf(call), lifecyclePolicy: undefined });
  return answer;
}

function hasRules(text: string): boolean {
  try {
    const { rules } = JSON.parse(text) as { rules?: unknown };
    return Array.isArray(rules) && rules.length > 0;
  } catch {
    return false;
  }
}

const none = (code: string, what: string, { repository, account }: { repository: string; account: string }) =>
  new JsonError(
    code,
    `${what} does not exist for the repository with name '${repository}' in the registry with id '${account}'`,
  );
