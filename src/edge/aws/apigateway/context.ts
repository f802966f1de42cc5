import type { Registry, Scope } from "../../../registry/index.ts";
import type { RestApis } from "../../api-gateway/rest/apis.ts";
import type {
  RestApiRecord,
  RestDefinition,
  RestMethod,
  RestResource,
  RestStage,
} from "../../api-gateway/rest/records.ts";
import type { TestAnswer, TestRequest } from "../../api-gateway/rest/test-invoke.ts";
import { bad, refusal } from "../apigatewayv2/context.ts";

export { bad, conflict, given, newId, refusal, without } from "../apigatewayv2/context.ts";

/** What the operations work with. */
export interface RestContext {
  readonly rest: RestApis;
  readonly registry: Registry;
  readonly clock: () => number;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
  /** Has a method answer a request that nobody sent. */
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
}

/** One call; the input has been checked against the model. */
export interface RestCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
}

export type InApi = { readonly restApiId: string };
export type InResource = InApi & { readonly resourceId: string };
export type InMethod = InResource & { readonly httpMethod: string };

export interface PatchOperation {
  readonly op?: string;
  readonly path?: string;
  readonly value?: string;
}

export interface Patches {
  readonly patchOperations?: readonly PatchOperation[];
}

const missing = (what: string) => refusal("NotFoundException", what);

/** Seconds since the epoch, as the service writes moments. */
export const seconds = ({ clock }: RestContext): number => Math.floor(clock() / 1000);

/** Throws NotFoundException. */
export function apiOf({ rest }: RestContext, scope: Scope, { restApiId }: InApi): RestApiRecord {
  const record = rest.get(scope, restApiId);
  if (record === undefined) throw missing(`Invalid API identifier specified ${scope.account}:${restApiId}`);
  return record;
}

/** One of a table. Throws NotFoundException. */
export function oneOf<T>(table: Readonly<Record<string, T>>, id: string, kind: string): T {
  const found = Object.hasOwn(table, id) ? table[id] : undefined;
  if (found === undefined) throw missing(`Invalid ${kind} identifier specified`);
  return found;
}

/** Throws NotFoundException. */
export const resourceOf = ({ live }: RestApiRecord, { resourceId }: { readonly resourceId: string }): RestResource =>
  oneOf(live.resources, resourceId, "Resource");

/** Throws NotFoundException. */
export const methodOf = (resource: RestResource, { httpMethod }: { readonly httpMethod: string }): RestMethod =>
  oneOf(resource.resourceMethods ?? {}, httpMethod, "Method");

export const stageOf = ({ stages }: RestApiRecord, stageName: string): RestStage => oneOf(stages, stageName, "stage");

/** Writes a change of what the API does; no stage has it before it is deployed. */
export function changeLive({ rest }: RestContext, record: RestApiRecord, live: Partial<RestDefinition>): void {
  rest.put({ ...record, live: { ...record.live, ...live } });
}

export function putResource(context: RestContext, record: RestApiRecord, resource: RestResource): void {
  changeLive(context, record, { resources: { ...record.live.resources, [resource.id]: resource } });
}

export function putMethodIn(
  context: RestContext,
  record: RestApiRecord,
  resource: RestResource,
  method: RestMethod,
): void {
  const resourceMethods = { ...resource.resourceMethods, [method.httpMethod]: method };
  putResource(context, record, { ...resource, resourceMethods });
}

export interface Paged {
  readonly limit?: number;
  readonly position?: string;
}

/** One page of a list; the position is that of the next item. Throws BadRequestException. */
export function page<T>(items: readonly T[], { limit = 25, position }: Paged): object {
  const start = position === undefined ? 0 : Number(Buffer.from(position, "base64url").toString());
  if (!Number.isInteger(start) || start < 0) throw bad("Invalid position parameter specified");
  if (limit < 0) throw bad("Invalid limit parameter specified");
  // "The maximum number of returned results per page. The default value is 25 and the maximum value is 500."
  const end = start + Math.min(limit || 25, 500);
  const more = end < items.length ? { position: Buffer.from(String(end)).toString("base64url") } : {};
  return { item: items.slice(start, end), ...more };
}
