import { randomInt } from "node:crypto";
import { type ErrorCode, ServiceError } from "../../../model/index.ts";
import type { Registry, Scope } from "../../../registry/index.ts";
import type { Apis } from "../../api-gateway/apis.ts";
import type { ApiRecord, Definition, Stage } from "../../api-gateway/records.ts";

/** What the operations work with. */
export interface GatewayContext {
  readonly apis: Apis;
  readonly registry: Registry;
  readonly clock: () => number;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
}

/** One call; the input has been checked against the model, under the names that it has in requests. */
export interface GatewayCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  /** `http://host:port` as the client reached us */
  readonly origin: string;
}

export type InApi = { readonly apiId: string };

export const refusal = (code: ErrorCode, message: string): ServiceError => new ServiceError(code, message);
export const bad = (message: string): ServiceError => refusal("BadRequestException", message);
export const conflict = (message: string): ServiceError => refusal("ConflictException", message);

/** Throws NotFoundException. */
export function apiOf({ apis }: GatewayContext, scope: Scope, apiId: string): ApiRecord {
  const record = apis.get(scope, apiId);
  if (record === undefined) {
    throw refusal("NotFoundException", `Invalid API identifier specified ${scope.account}:${apiId}`);
  }
  return record;
}

/** One of a table. Throws NotFoundException. */
export function oneOf<T>(table: Readonly<Record<string, T>>, id: string, kind: string): T {
  const found = Object.hasOwn(table, id) ? table[id] : undefined;
  if (found === undefined) throw refusal("NotFoundException", `Invalid ${kind} identifier specified`);
  return found;
}

export function without<T>(table: Readonly<Record<string, T>>, id: string): Record<string, T> {
  const { [id]: _gone, ...rest } = table;
  return rest;
}

/** Writes a change of what the API does; stages that deploy by themselves have it at once, as a new deployment. */
export function changeLive(context: GatewayContext, record: ApiRecord, live: Definition): void {
  const automatic = Object.values(record.stages).filter(({ autoDeploy }) => autoDeploy === true);
  let { stages, deployments } = record;
  for (const stage of automatic) {
    const { deploymentId, deployment } = autoDeployment(context, stage);
    stages = { ...stages, [stage.stageName]: { ...stage, deploymentId } };
    deployments = { ...without(deployments, stage.deploymentId ?? ""), [deploymentId]: deployment };
  }
  context.apis.put({ ...record, live, stages, deployments });
}

/** Of a stage that deploys by itself only the last deployment is shown: nobody can go back to one. */
export function autoDeployment(context: GatewayContext, { stageName }: Pick<Stage, "stageName">) {
  const deploymentId = newId(6);
  return {
    deploymentId,
    deployment: {
      deploymentId,
      autoDeployed: true,
      createdDate: moment(context.clock()),
      deploymentStatus: "DEPLOYED",
      description: `Automatic deployment triggered by changes to the Api configuration (${stageName})`,
    },
  } as const;
}

/** Moments as the service writes them. */
export const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

export const newId = (length: number): string =>
  letters[randomInt(26)] + Array.from({ length: length - 1 }, () => letters[randomInt(letters.length)]).join("");

/** One page of a list; the token is the position of the next one. Throws BadRequestException for numbers that are none. */
export function page<T>(items: readonly T[], { maxResults, nextToken }: Paged): object {
  const size = maxResults === undefined ? 500 : Number(maxResults);
  if (!Number.isInteger(size) || size < 1 || size > 500) throw bad("maxResults must be between 1 and 500");
  const start = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, "base64url").toString());
  if (!Number.isInteger(start) || start < 0) throw bad("Invalid nextToken");
  const end = start + size;
  const more = end < items.length ? { nextToken: Buffer.from(String(end)).toString("base64url") } : {};
  return { items: items.slice(start, end), ...more };
}

export interface Paged {
  readonly maxResults?: string;
  readonly nextToken?: string;
}

/** What a change says, without the names of what it is about. */
export function given<T extends object, K extends string>(input: T, ...names: readonly K[]): Omit<T, K> {
  const rest = Object.entries(input).filter(([name]) => !(names as readonly string[]).includes(name));
  return Object.fromEntries(rest) as Omit<T, K>;
}
