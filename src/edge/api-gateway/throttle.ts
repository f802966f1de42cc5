import type { ApiRecord, Stage } from "./records.ts";

/** Lets a stage's requests through at the rate and burst that it, or a route of it, is given. */
export interface Throttle {
  /** `routeKey`: of the route that the request takes */
  admits(record: ApiRecord, stage: Stage, routeKey: string): boolean;
}

/** Token buckets by keys. `rate`: a second; undefined: as many as fit in. */
export interface Buckets {
  take(key: string, rate: number | undefined, burst: number | undefined): boolean;
}

interface Bucket {
  tokens: number;
  at: number;
}

const mostBuckets = 10_000;

/** `clock`: milliseconds. */
export function createBuckets(clock: () => number = performance.now.bind(performance)): Buckets {
  const buckets = new Map<string, Bucket>();
  return {
    take(key, rate, burst) {
      if (rate === undefined && burst === undefined) return true;
      const size = burst ?? Math.max(1, rate ?? 1);
      const now = clock();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= mostBuckets) buckets.delete(buckets.keys().next().value!);
        bucket = { tokens: size, at: now };
        buckets.set(key, bucket);
      }
      bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * (rate ?? size));
      bucket.at = now;
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
  };
}

/** `clock`: milliseconds. Source: API Gateway Developer Guide, "Throttle requests to your HTTP APIs". */
export function createThrottle(clock?: () => number): Throttle {
  const buckets = createBuckets(clock);
  return {
    admits({ api }, { stageName, defaultRouteSettings, routeSettings }, routeKey) {
      const own = Object.hasOwn(routeSettings, routeKey) ? routeSettings[routeKey] : undefined;
      const { throttlingRateLimit: rate, throttlingBurstLimit: burst } = { ...defaultRouteSettings, ...own };
      return buckets.take(`${api.apiId}/${stageName}/${routeKey}`, rate, burst);
    },
  };
}
