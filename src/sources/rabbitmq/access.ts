import { accessOf, secretOf } from "../credentials.ts";
import type { SourceNeeds } from "../source.ts";

export interface RabbitAccess {
  /** `amqp://host:port` or `amqps://…`, without a path */
  readonly url: URL;
  readonly virtualHost: string;
  readonly username: string;
  readonly password: string;
}

/** How a mapping's broker is reached. Rejects when its place or its secret cannot be had. */
export async function accessOfBroker(needs: SourceNeeds, signal: AbortSignal): Promise<RabbitAccess> {
  const named = needs.place("mq").url;
  const url = URL.parse(named);
  if (url === null || !/^amqps?:$/.test(url.protocol)) {
    throw new Error(`${named} is no broker: amqp://host:port or amqps://host:port is`);
  }
  const id = accessOf(needs, "BASIC_AUTH");
  const { username, password } = id === undefined ? {} : await secretOf(needs, id, signal);
  return {
    url,
    virtualHost: accessOf(needs, "VIRTUAL_HOST") ?? "/",
    username: username ?? "guest",
    password: password ?? "guest",
  };
}
