import { randomUUID } from "node:crypto";
import type { Posting } from "../model/index.ts";
import type { MappingRecord } from "../registry/index.ts";
import type { LostBatch } from "./source.ts";

/**
 * What tells the on-failure destination of a mapping about a batch; undefined: it has none. A bucket gets the event, too.
 * Source: Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source in Lambda" (S3 example).
 */
export function postingOf(
  mapping: MappingRecord,
  { record, part, payload }: LostBatch,
  now: number,
  roleArn: string,
): Posting | undefined {
  const { DestinationConfig } = mapping.settings as { DestinationConfig?: { OnFailure?: { Destination?: string } } };
  const arn = DestinationConfig?.OnFailure?.Destination;
  if (!arn) return undefined;
  const { account, region, functionName: name } = mapping;
  const base = { to: "target", account, region, name, arn, roleArn } as const;
  if (arn.split(":")[2] !== "s3") return { ...base, payload: Buffer.from(JSON.stringify(record)) };
  return {
    ...base,
    payload: Buffer.from(JSON.stringify({ ...record, payload: payload() })),
    parameters: { Key: keyOf(mapping.uuid, part, now) },
  };
}

/** `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>` */
function keyOf(uuid: string, part: string, now: number): string {
  const moment = new Date(now).toISOString();
  const day = moment.slice(0, 10);
  const time = moment.slice(11, 19).replaceAll(":", ".");
  return `aws/lambda/${uuid}/${part}/${day.replaceAll("-", "/")}/${day}T${time}-${randomUUID()}`;
}
