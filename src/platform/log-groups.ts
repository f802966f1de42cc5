import type { LogStore } from "../observe/index.ts";
import type { Delivery } from "../queue/index.ts";

/** Events whose target is a log group are written here; all else goes to `away`. */
export function withLogGroups(
  logs: Pick<LogStore, "append" | "flush">,
  away: (delivery: Delivery) => Promise<void>,
): (delivery: Delivery) => Promise<void> {
  return async (delivery) => {
    const [, , service, , account = "", , group = ""] = delivery.arn.split(":");
    if (delivery.kind !== "event" || service !== "logs") return away(delivery);
    logs.append(account, group, `${delivery.name}-${delivery.id}`, delivery.created, delivery.body.toString("utf8"));
    await logs.flush();
  };
}
