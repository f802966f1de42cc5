import { accessOf, secretOf } from "../credentials.ts";
import type { SourceNeeds } from "../source.ts";

export interface BrokerAccess {
  /** `amqp://host:port` or `amqps://…`, without a path */
  readonly url: URL;
  readonly username: string;
  readonly password: string;
}

/**
 * How a mapping's broker is reached; without BASIC_AUTH as `guest`, whom brokers let in that ask nobody. Rejects when its place or its
 * secret cannot be had.
 */
export async function accessOfBroker(needs: SourceNeeds, signal: AbortSignal): Promise<BrokerAccess> {
  const named = needs.place("mq").url;
  const url = URL.parse(named);
  if (url === null || !/^amqps?:$/.test(url.protocol)) {
    throw new Error(`${named} is no broker: amqp://host:port or amqps://host:port is`);
  }
  const id = accessOf(needs, "BASIC_AUTH");
  const { username, password } = id === undefined ? {} : await secretOf(needs, id, signal);
  return { url, username: username ?? "guest", password: password ?? "guest" };
}

/** TLS or not, and the port: AMQP's own, unless the URL has one. */
export function addressOf(url: URL): { readonly secure: boolean; readonly host: string; readonly port: number } {
  const secure = url.protocol === "amqps:";
  return { secure, host: url.hostname, port: url.port === "" ? (secure ? 5671 : 5672) : Number(url.port) };
}
