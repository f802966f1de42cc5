import { evaluate, parsePolicy } from "../../../policy/index.ts";
import type { RepositoryRecord } from "../../../repositories/index.ts";
import { authorize } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";

/** A repository, there or not. */
export type RepositoryName = Pick<RepositoryRecord, "account" | "region" | "repository">;

export const repositoryArn = ({ account, region, repository }: RepositoryName): string =>
  `arn:aws:ecr:${region}:${account}:repository/${repository}`;

/** Throws AccessDeniedException unless the caller may. `policy`: the repository's own, of one that is there. */
export function checkAccess(
  caller: Caller,
  action: string,
  of: RepositoryName & { readonly policy?: string | undefined },
) {
  const resource = repositoryArn(of);
  const { policy } = of;
  authorize(caller, {
    action: `ecr:${action}`,
    resource,
    owner: of.account,
    policy: (asked) => evaluate(policy === undefined ? [] : statementsOf(policy), { ...asked, resource }),
  });
}

/** ECR's policies name no resource: it is the repository. Throws PolicyError. */
export const statementsOf = (policy: string) => parsePolicy(policy, "trust").statements;
