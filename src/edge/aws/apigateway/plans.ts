import { randomBytes } from "node:crypto";
import type { Scope } from "../../../registry/index.ts";
import { regional } from "../../api-gateway/rest/apis.ts";
import type { ApiKey, ApiKeyRecord, PlannedStage, UsagePlan, UsagePlanRecord } from "../../api-gateway/rest/records.ts";
import {
  bad,
  conflict,
  newId,
  type Paged,
  type Patches,
  type PatchOperation,
  page,
  type RestCall,
  type RestContext,
  refusal,
  seconds,
} from "./context.ts";
import { patched, pathOf, unsupported } from "./patch.ts";

type KeyInput = Partial<ApiKey> & {
  readonly stageKeys?: readonly { readonly restApiId?: string; readonly stageName?: string }[];
};
type InKey = { readonly apiKey: string };
type InPlan = { readonly usagePlanId: string };
type Showing = { readonly includeValue?: boolean; readonly includeValues?: boolean };

export function createApiKey(context: RestContext, { input, scope }: RestCall<KeyInput>) {
  const { value = randomBytes(30).toString("base64url").slice(0, 40), tags, name, description, customerId } = input;
  if (value.length < 20 || value.length > 128)
    throw bad("Invalid API Key: value should be between 20 and 128 characters");
  if (context.rest.keyOf(scope, value) !== undefined) throw conflict("API Key already exists");
  const now = seconds(context);
  const key: ApiKey = {
    id: newId(10),
    value,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(customerId === undefined ? {} : { customerId }),
    enabled: input.enabled ?? false,
    createdDate: now,
    lastUpdatedDate: now,
    ...(tags === undefined ? {} : { tags }),
  };
  context.rest.keys.put({ account: scope.account, region: scope.region, name: regional(scope.region, key.id), key });
  return keyView(context, scope, key, true);
}

export function getApiKey(context: RestContext, { input, scope }: RestCall<InKey & Showing>) {
  return keyView(context, scope, keyOf(context, scope, input.apiKey).key, input.includeValue === true);
}

export function getApiKeys(
  context: RestContext,
  { input, scope }: RestCall<Paged & Showing & { readonly nameQuery?: string; readonly customerId?: string }>,
) {
  const { nameQuery = "", customerId, includeValues } = input;
  const found = context.rest.keys
    .list(scope)
    .map(({ key }) => key)
    .filter((key) => (key.name ?? "").startsWith(nameQuery))
    .filter((key) => customerId === undefined || key.customerId === customerId);
  return page(
    found.map((key) => keyView(context, scope, key, includeValues === true)),
    input,
  );
}

export function updateApiKey(context: RestContext, { input, scope }: RestCall<InKey & Patches>) {
  const record = keyOf(context, scope, input.apiKey);
  const fixed = ["id", "value", "createdDate", "lastUpdatedDate", "stageKeys", "tags"];
  const key = { ...patched("ApiKey", record.key, input, fixed), lastUpdatedDate: seconds(context) };
  context.rest.keys.put({ ...record, key });
  return keyView(context, scope, key, false);
}

export function deleteApiKey(context: RestContext, { input, scope }: RestCall<InKey>): undefined {
  const record = keyOf(context, scope, input.apiKey);
  for (const plan of context.rest.plans.list(scope)) {
    if (!plan.keys.includes(record.key.id)) continue;
    context.rest.plans.put({ ...plan, keys: plan.keys.filter((id) => id !== record.key.id) });
  }
  context.rest.keys.remove(record);
  return undefined;
}

/** Throws NotFoundException. */
export function keyOf({ rest }: RestContext, scope: Scope, id: string): ApiKeyRecord {
  const found = rest.keys.get(scope, id);
  if (found === undefined) throw refusal("NotFoundException", "Invalid API Key identifier specified");
  return found;
}

/** A key's value is a secret: it is shown to who makes it, and to who asks for it. */
function keyView({ rest }: RestContext, scope: Scope, { value, ...key }: ApiKey, shown: boolean) {
  const stageKeys = rest.plans
    .list(scope)
    .filter(({ keys }) => keys.includes(key.id))
    .flatMap(({ plan }) => (plan.apiStages ?? []).map(({ apiId, stage }) => `${apiId}/${stage}`));
  return { ...key, ...(shown ? { value } : {}), stageKeys };
}

export function createUsagePlan(context: RestContext, { input, scope }: RestCall<Omit<UsagePlan, "id">>) {
  const plan: UsagePlan = { ...input, apiStages: input.apiStages ?? [], id: newId(6) };
  checkPlan(context, scope, plan);
  context.rest.plans.put({
    account: scope.account,
    region: scope.region,
    name: regional(scope.region, plan.id),
    plan,
    keys: [],
  });
  return plan;
}

function checkPlan({ rest }: RestContext, scope: Scope, { apiStages = [], quota, throttle }: UsagePlan): void {
  for (const { apiId, stage } of apiStages) {
    if (!Object.hasOwn(rest.get(scope, apiId)?.stages ?? {}, stage)) {
      throw refusal("NotFoundException", `API Stage not found: ${apiId}:${stage}`);
    }
  }
  if (quota !== undefined && ((quota.limit ?? 0) < 0 || quota.period === undefined)) {
    throw bad("Usage plan quota must have a limit of at least 0 and a period");
  }
  if ((throttle?.rateLimit ?? 0) < 0 || (throttle?.burstLimit ?? 0) < 0) {
    throw bad("Usage Plan throttle must have non-negative limits");
  }
}

export function getUsagePlan(context: RestContext, { input, scope }: RestCall<InPlan>) {
  return planOf(context, scope, input).plan;
}

export function getUsagePlans(context: RestContext, { input, scope }: RestCall<Paged & { readonly keyId?: string }>) {
  const { keyId } = input;
  const found = context.rest.plans.list(scope).filter(({ keys }) => keyId === undefined || keys.includes(keyId));
  return page(
    found.map(({ plan }) => plan),
    input,
  );
}

export function updateUsagePlan(context: RestContext, { input, scope }: RestCall<InPlan & Patches>) {
  const record = planOf(context, scope, input);
  const operations = input.patchOperations ?? [];
  const ofStages = ({ path }: PatchOperation) => path === "/apiStages";
  const ofThrottles = ({ path = "" }: PatchOperation) => path.startsWith("/apiStages/");
  const patchOperations = operations.filter((operation) => !ofStages(operation) && !ofThrottles(operation));
  let plan: UsagePlan = patched("UsagePlan", record.plan, { patchOperations }, ["id", "apiStages", "tags"]);
  for (const { op, value = "" } of operations.filter(ofStages)) {
    const [apiId = "", stage = ""] = value.split(":");
    const others = (plan.apiStages ?? []).filter((one) => one.apiId !== apiId || one.stage !== stage);
    plan = { ...plan, apiStages: op === "remove" ? others : [...others, { apiId, stage }] };
  }
  for (const operation of operations.filter(ofThrottles)) plan = throttled(plan, operation);
  // What is taken away last leaves nothing behind.
  if (Object.keys(plan.throttle ?? {}).length === 0) plan = without(plan, "throttle");
  if (Object.keys(plan.quota ?? {}).length === 0) plan = without(plan, "quota");
  checkPlan(context, scope, plan);
  context.rest.plans.put({ ...record, plan });
  return plan;
}

/**
 * A plan with what one of its stages' methods is throttled to, or not any more: `/apiStages/<api>:<stage>/throttle/~1pets/GET/rateLimit`.
 * Throws BadRequestException.
 */
function throttled(plan: UsagePlan, operation: PatchOperation): UsagePlan {
  const [, place = "", throttle, ...rest] = pathOf(operation);
  const stages = plan.apiStages ?? [];
  const planned = stages.find(({ apiId, stage }) => place === `${apiId}:${stage}`);
  if (planned === undefined || throttle !== "throttle") throw unsupported(operation);
  const { throttle: known = {}, ...others } = planned;
  const put = (changed: PlannedStage["throttle"]) => ({
    ...plan,
    apiStages: stages.map((one) =>
      one === planned ? { ...others, ...(changed === undefined ? {} : { throttle: changed }) } : one,
    ),
  });
  const limit = rest.at(-1);
  if (limit === "rateLimit" || limit === "burstLimit") {
    const method = rest.slice(0, -1).join("/");
    const number = Number(operation.value);
    if (operation.op === "remove" || !Number.isFinite(number) || number < 0) throw unsupported(operation);
    return put({ ...known, [method]: { ...known[method], [limit]: number } });
  }
  if (operation.op !== "remove") throw unsupported(operation);
  if (rest.length === 0) return put(undefined);
  const { [rest.join("/")]: _gone, ...left } = known;
  return put(left);
}

function without(plan: UsagePlan, name: "throttle" | "quota"): UsagePlan {
  const { [name]: _gone, ...rest } = plan;
  return rest;
}

export function deleteUsagePlan(context: RestContext, { input, scope }: RestCall<InPlan>): undefined {
  const record = planOf(context, scope, input);
  if ((record.plan.apiStages ?? []).length > 0) {
    throw bad(
      `Cannot delete Usage Plan ${record.plan.id} because it has associated API stages. Please remove the associated API stages first`,
    );
  }
  context.rest.plans.remove(record);
  return undefined;
}

/** Throws NotFoundException. */
export function planOf({ rest }: RestContext, scope: Scope, { usagePlanId }: InPlan): UsagePlanRecord {
  const found = rest.plans.get(scope, usagePlanId);
  if (found === undefined) throw refusal("NotFoundException", "Invalid Usage Plan ID specified");
  return found;
}

export function createUsagePlanKey(
  context: RestContext,
  { input, scope }: RestCall<InPlan & { readonly keyId: string; readonly keyType: string }>,
) {
  const record = planOf(context, scope, input);
  const { key } = keyOf(context, scope, input.keyId);
  if (input.keyType !== "API_KEY") throw bad("Usage Plan Key Type must be API_KEY");
  if (record.keys.includes(key.id)) {
    throw conflict("Usage Plan Key already exists: the API key is associated with this usage plan");
  }
  context.rest.plans.put({ ...record, keys: [...record.keys, key.id] });
  return planKeyView(key);
}

const planKeyView = ({ id, name, value }: ApiKey) => ({
  id,
  type: "API_KEY",
  value,
  ...(name === undefined ? {} : { name }),
});

export function getUsagePlanKey(context: RestContext, { input, scope }: RestCall<InPlan & { readonly keyId: string }>) {
  const { keys } = planOf(context, scope, input);
  if (!keys.includes(input.keyId)) throw refusal("NotFoundException", "Invalid Usage Plan Key identifier specified");
  return planKeyView(keyOf(context, scope, input.keyId).key);
}

export function getUsagePlanKeys(
  context: RestContext,
  { input, scope }: RestCall<InPlan & Paged & { readonly nameQuery?: string }>,
) {
  const { keys } = planOf(context, scope, input);
  const found = keys.map((id) => keyOf(context, scope, id).key);
  return page(found.filter(({ name = "" }) => name.startsWith(input.nameQuery ?? "")).map(planKeyView), input);
}

export function deleteUsagePlanKey(
  context: RestContext,
  { input, scope }: RestCall<InPlan & { readonly keyId: string }>,
): undefined {
  const record = planOf(context, scope, input);
  if (!record.keys.includes(input.keyId)) {
    throw refusal("NotFoundException", "Invalid Usage Plan Key identifier specified");
  }
  context.rest.plans.put({ ...record, keys: record.keys.filter((id) => id !== input.keyId) });
  return undefined;
}
