import { randomUUID } from "node:crypto";
import { monotonicMs } from "../../model/index.ts";
import { functionTarget } from "../api-gateway/targets.ts";
import { type CallNeeds, callFunction } from "../proxy/call.ts";
import type { Balancers } from "./balancers.ts";
import { fromResult } from "./from-result.ts";
import type { HealthCheck, TargetGroupRecord } from "./records.ts";

/** Calls the functions of target groups that are to be checked, and remembers how they did. */
export interface Health {
  /** Looks at a group that was made, changed or is gone. */
  changed(arn: string, account: string): void;
  state(arn: string): "initial" | "healthy" | "unhealthy";
  close(): void;
}

interface Watched {
  timer: NodeJS.Timeout | undefined;
  state: "initial" | "healthy" | "unhealthy";
  /** checks in a row with the same end */
  good: number;
  bad: number;
}

/** Source: ELB User Guide for Application Load Balancers, "Use Lambda functions as targets: health checks". */
export function createHealth(needs: CallNeeds & { readonly balancers: Balancers }): Health {
  const watched = new Map<string, Watched>();
  let closed = false;

  function forget(arn: string): void {
    clearTimeout(watched.get(arn)?.timer);
    watched.delete(arn);
  }

  async function check(arn: string, account: string, mine: Watched): Promise<void> {
    const group = needs.balancers.groups.get(account, arn);
    if (closed || group === undefined || watched.get(arn) !== mine) return;
    const { health } = group;
    const isGood = await passes(needs, group);
    mine.good = isGood ? mine.good + 1 : 0;
    mine.bad = isGood ? 0 : mine.bad + 1;
    // The first good answer is enough for one that has just been registered.
    if (mine.good >= (mine.state === "initial" ? 1 : health.HealthyThresholdCount)) mine.state = "healthy";
    if (mine.bad >= health.UnhealthyThresholdCount) mine.state = "unhealthy";
    if (closed || watched.get(arn) !== mine) return;
    mine.timer = setTimeout(() => void check(arn, account, mine), health.HealthCheckIntervalSeconds * 1000);
    mine.timer.unref();
  }

  return {
    changed(arn, account) {
      forget(arn);
      const group = needs.balancers.groups.get(account, arn);
      if (closed || group?.target === undefined || !group.health.HealthCheckEnabled) return;
      const mine: Watched = { timer: undefined, state: "initial", good: 0, bad: 0 };
      watched.set(arn, mine);
      void check(arn, account, mine);
    },
    state: (arn) => watched.get(arn)?.state ?? "initial",
    close() {
      closed = true;
      for (const arn of [...watched.keys()]) forget(arn);
    },
  };
}

/** Never rejects. */
async function passes(needs: CallNeeds, { name, health, target = "" }: TargetGroupRecord): Promise<boolean> {
  const found = functionTarget(target, {});
  if (found === undefined) return false;
  const event = {
    requestContext: { elb: { targetGroupArn: name } },
    httpMethod: "GET",
    path: health.HealthCheckPath,
    queryStringParameters: {},
    headers: { "user-agent": "ELB-HealthChecker/2.0" },
    body: "",
    isBase64Encoded: false,
  };
  const payload = Buffer.from(JSON.stringify(event));
  const call = { ...found, payload, requestId: randomUUID(), traceId: undefined, received: monotonicMs() };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), health.HealthCheckTimeoutSeconds * 1000);
    timer.unref();
  });
  try {
    const result = await Promise.race([callFunction(needs, call), late]);
    return result !== undefined && isExpected(health, fromResult(result, false).status);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** `200`, `200,202` or `200-299` */
export const isExpected = ({ Matcher }: Pick<HealthCheck, "Matcher">, status: number): boolean =>
  (Matcher.HttpCode ?? "200").split(",").some((range) => {
    const [from = "", to = from] = range.split("-");
    return status >= Number(from) && status <= Number(to);
  });
