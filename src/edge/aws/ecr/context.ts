import type { Repositories, RepositoryRecord } from "../../../repositories/index.ts";
import type { JsonCall } from "../json.ts";
import { JsonError } from "../json.ts";
import type { Tokens } from "./tokens.ts";

/** What the operations of ECR work with. */
export interface EcrContext {
  readonly repositories: Repositories;
  readonly tokens: Tokens;
}

export interface EcrCall<Input> extends JsonCall<Input> {
  readonly context: EcrContext;
}

export type EcrOperation<Input> = (call: EcrCall<Input>) => object | Promise<object>;

/** What every request about a repository names. */
export interface Named {
  readonly registryId?: string | undefined;
  readonly repositoryName: string;
}

/** Throws RepositoryNotFoundException. */
export function repositoryOf({ input, scope, context }: EcrCall<Named>): RepositoryRecord {
  const { registryId, repositoryName } = input;
  return context.repositories.find({ account: registryId ?? scope.account, region: scope.region }, repositoryName);
}

export const seconds = (ms: number): number => ms / 1000;

export const invalidParameter = (message: string): JsonError => new JsonError("InvalidParameterException", message);

export interface PageInput {
  readonly nextToken?: string | undefined;
  readonly maxResults?: number | undefined;
}

/** One page of records in their order; the token is where it ends. Throws InvalidParameterException. */
export function page<T>(records: readonly T[], { nextToken, maxResults = 100 }: PageInput) {
  const from = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, "base64url").toString("utf8"));
  if (!Number.isSafeInteger(from) || from < 0) throw invalidParameter("Invalid parameter at 'nextToken'");
  const items = records.slice(from, from + maxResults);
  const end = from + items.length;
  if (end >= records.length) return { items, more: {} };
  return { items, more: { nextToken: Buffer.from(String(end)).toString("base64url") } };
}
