import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { createMessages, EndpointRefused, type Messages } from "../messages/index.ts";
import { type FunctionVersion, monotonicMs, ServiceError } from "../model/index.ts";
import type { EventQueue } from "../queue/index.ts";
import type { Registry } from "../registry/index.ts";
import type { Reporting } from "./stores.ts";

export interface OwnMessagesNeeds extends Reporting {
  schedule(at: number, run: () => void): () => void;
  readonly registry: Registry;
  readonly queue: Pick<EventQueue, "accept">;
  /** where the platform listens */
  endpoint(): string;
}

/** How long an HTTP endpoint may take. Source: SNS Developer Guide, "Fanout to HTTP/S endpoints". */
const patienceMs = 15_000;

/** Queues and topics, whose messages reach functions over the queue of events. */
export function createOwnMessages(config: Config, { registry, queue, ...needs }: OwnMessagesNeeds): Messages {
  /** Throws EndpointRefused. */
  function functionFor(arn: string, topic: string): { target: FunctionVersion; qualifier: string | undefined } {
    const [, , , region = "", account = "", , name = "", qualifier] = arn.split(":");
    const call = { service: "sns.amazonaws.com", sourceArn: topic, sourceAccount: topic.split(":")[4] };
    try {
      const target = registry.resolve(account, region, name, qualifier);
      if (registry.functionPolicies.isAllowed(target, name, qualifier, call)) return { target, qualifier };
    } catch (error) {
      if (error instanceof ServiceError) throw new EndpointRefused(error.message);
      throw error;
    }
    throw new EndpointRefused(`${arn} does not allow sns.amazonaws.com to invoke it for ${topic}`);
  }

  return createMessages({
    ...needs,
    path: join(config.dataDir, "messages.sqlite"),
    async toFunction(invokedArn, payload, topic) {
      const { target, qualifier } = functionFor(invokedArn, topic);
      const invocation = {
        requestId: randomUUID(),
        target,
        invokedArn,
        payload,
        tail: false,
        received: monotonicMs(),
      };
      await queue.accept(invocation, qualifier);
    },
    async toUrl(url, body, headers) {
      const signal = AbortSignal.timeout(patienceMs);
      const answer = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal });
      await answer.body?.cancel();
      if (answer.ok) return;
      const why = `${url} answered ${answer.status}`;
      throw answer.status >= 500 || answer.status === 429 || answer.status === 408
        ? new Error(why)
        : new EndpointRefused(why);
    },
  });
}
