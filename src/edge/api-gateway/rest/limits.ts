import type { Registry } from "../../../registry/index.ts";
import { createBuckets } from "../throttle.ts";
import { Faulty } from "./answers.ts";
import type { RestApis } from "./apis.ts";
import type { RestArrival } from "./arrival.ts";
import type { ApiKey, MethodSetting, UsagePlan, UsageRecord } from "./records.ts";
import type { SelectedMethod } from "./select.ts";

/** Lets requests through as stages and usage plans say. */
export interface RestLimits {
  /** Throws Faulty: the stage has too much to do. */
  checkStage(arrival: RestArrival, selected: SelectedMethod): void;
  /** Counts a request of a key that the method asks for. Throws Faulty: no such key, too many requests, too many of the period. */
  checkKey(arrival: RestArrival, selected: SelectedMethod, value: string | undefined): ApiKey;
}

/** A kill loses at most so much of a count: AWS, too, counts on a best-effort basis. */
const savedEveryMs = 5000;

/** Source: API Gateway Developer Guide, "Throttle requests to your REST APIs", "Usage plans and API keys for REST APIs". */
export function createLimits(
  rest: RestApis,
  { named }: Pick<Registry, "named">,
  clock: () => number = Date.now,
): RestLimits {
  const buckets = createBuckets();
  const usage = named<UsageRecord>("apigateway-usage");
  const counts = new Map<string, { since: string; used: number; savedAt: number }>();

  function count(account: string, plan: UsagePlan, key: ApiKey): void {
    const { limit, period = "DAY", offset = 0 } = plan.quota ?? {};
    if (limit === undefined) return;
    const name = `${plan.id}/${key.id}`;
    const since = periodOf(period, offset, clock());
    let known = counts.get(name);
    if (known === undefined) {
      known = { since: "", used: 0, ...usage.get(account, name), savedAt: clock() };
      counts.set(name, known);
    }
    if (known.since !== since) Object.assign(known, { since, used: 0, savedAt: 0 });
    if (known.used >= limit) throw new Faulty("QUOTA_EXCEEDED");
    known.used += 1;
    if (clock() - known.savedAt < savedEveryMs) return;
    known.savedAt = clock();
    usage.put({ account, name, since, used: known.used });
  }

  return {
    checkStage({ record, stage }, { resource, method }) {
      const { methodSettings } = stage;
      const key = `${resource.path.replaceAll("/", "~1")}/${method.httpMethod}`;
      const own = Object.hasOwn(methodSettings, key) ? methodSettings[key] : undefined;
      const shared = methodSettings["*/*"];
      const limits: MethodSetting = own ?? shared ?? {};
      // What a method has of its own is counted by itself, all others together.
      const bucket = `${record.api.id}/${stage.stageName}/${own === undefined ? "" : key}`;
      if (!buckets.take(bucket, limits.throttlingRateLimit, limits.throttlingBurstLimit)) throw new Faulty("THROTTLED");
    },
    checkKey({ record, stage }, { resource, method }, value) {
      const key = value === undefined ? undefined : rest.keyOf(record, value)?.key;
      if (key?.enabled !== true) throw new Faulty("INVALID_API_KEY");
      const plan = rest.planOf(record, key.id, record.api.id, stage.stageName)?.plan;
      if (plan === undefined) throw new Faulty("INVALID_API_KEY");
      const planned = plan.apiStages?.find((one) => one.apiId === record.api.id && one.stage === stage.stageName);
      const own = planned?.throttle?.[`${resource.path}/${method.httpMethod}`];
      const { rateLimit, burstLimit } = own ?? plan.throttle ?? {};
      const bucket = `${plan.id}/${key.id}/${own === undefined ? "" : `${resource.path}/${method.httpMethod}`}`;
      if (!buckets.take(bucket, rateLimit, burstLimit)) throw new Faulty("THROTTLED");
      count(record.account, plan, key);
      return key;
    },
  };
}

const dayMs = 86_400_000;

/** The day that a period began: weeks on Sundays, each so many days later as `offset` says. */
function periodOf(period: "DAY" | "WEEK" | "MONTH", offset: number, at: number): string {
  const day = (moment: number) => new Date(moment).toISOString().slice(0, 10);
  if (period === "DAY") return day(at);
  const shifted = new Date(at - offset * dayMs);
  if (period === "WEEK") return day(shifted.getTime() - shifted.getUTCDay() * dayMs);
  return day(shifted.getTime()).slice(0, 7);
}
