import { ask } from "./client.ts";
import type { Connection } from "./settings.ts";

/** Signing names and the prefixes of X-Amz-Target of the services beside Lambda that commands ask. */
const targets = {
  logs: { prefix: "Logs_20140328", version: "1.1" },
  monitoring: { prefix: "GraniteServiceVersion20100801", version: "1.0" },
} as const;

/** One operation of a service that speaks AWS's JSON protocol. Rejects with ServiceFailure for what it refuses. */
export async function askService<T>(
  connection: Connection,
  service: keyof typeof targets,
  operation: string,
  document: object,
): Promise<T> {
  const { prefix, version } = targets[service];
  // At AWS, each service has a host of its own.
  const endpoint = connection.endpoint.replace(/^(https:\/\/)lambda\./, `$1${service}.`);
  const { body } = await ask(
    { ...connection, endpoint },
    {
      method: "POST",
      path: "/",
      service,
      headers: { "content-type": `application/x-amz-json-${version}`, "x-amz-target": `${prefix}.${operation}` },
      body: JSON.stringify(document),
    },
  );
  return (body.length === 0 ? {} : JSON.parse(body.toString())) as T;
}
