import { randomUUID } from "node:crypto";
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  GetEventSourceMappingCommand,
  type LambdaClient,
  UpdateEventSourceMappingCommand,
  type UpdateEventSourceMappingCommandInput,
} from "@aws-sdk/client-lambda";
import { functionOf } from "./facts-functions.ts";

/** Every one another. */
export const sources = {
  sqs: () => `arn:aws:sqs:us-east-1:000000000000:queue-${randomUUID()}`,
  fifo: () => `arn:aws:sqs:us-east-1:000000000000:queue-${randomUUID()}.fifo`,
  kinesis: () => `arn:aws:kinesis:us-east-1:000000000000:stream/${randomUUID()}`,
  dynamodb: () => `arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/${randomUUID()}`,
  msk: () => `arn:aws:kafka:us-east-1:000000000000:cluster/c/${randomUUID()}-1`,
  mq: () => `arn:aws:mq:us-east-1:000000000000:broker:b:b-${randomUUID()}`,
};
export const access = [{ Type: "BASIC_AUTH" as const, URI: "arn:aws:secretsmanager:us-east-1:000000000000:secret:s" }];
export const trim = { StartingPosition: "TRIM_HORIZON" as const };

export type Given = Partial<CreateEventSourceMappingCommandInput>;

export async function map(client: LambdaClient, given: Given) {
  const FunctionName = given.FunctionName ?? (await functionOf(client)).name;
  return client.send(new CreateEventSourceMappingCommand({ ...given, FunctionName }));
}
export const update = (client: LambdaClient, UUID: string, given: Partial<UpdateEventSourceMappingCommandInput>) =>
  client.send(new UpdateEventSourceMappingCommand({ ...given, UUID }));
export const get = (client: LambdaClient, UUID: string) => client.send(new GetEventSourceMappingCommand({ UUID }));
