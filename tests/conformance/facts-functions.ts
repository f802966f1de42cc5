import {
  CreateAliasCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishVersionCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap, role } from "./door.ts";

let made = 0;

/** A name nobody has used yet. */
export const newName = (): string => `fact-${++made}`;

/** A function that is ready, under a name of its own unless `more` gives one. */
export async function functionOf(
  client: LambdaClient,
  more: Partial<CreateFunctionCommandInput> = {},
): Promise<{ readonly name: string; readonly arn: string; readonly revision: string }> {
  const name = more.FunctionName ?? newName();
  const input = { Role: role, Runtime: "provided.al2023", Handler: "any", Code: { ZipFile: bootstrap } } as const;
  await client.send(new CreateFunctionCommand({ ...input, ...more, FunctionName: name }));
  const { FunctionArn, RevisionId } = await settled(client, name);
  return { name, arn: FunctionArn ?? "", revision: RevisionId ?? "" };
}

/** As a waiter does: until neither creation nor update is under way. */
export async function settled(client: LambdaClient, name: string) {
  for (;;) {
    const seen = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    if (seen.State !== "Pending" && seen.LastUpdateStatus !== "InProgress") return seen;
  }
}

/** A function with version 1 and an alias `live` of it. */
export async function aliasedFunction(client: LambdaClient, more: Partial<CreateFunctionCommandInput> = {}) {
  const owner = await functionOf(client, more);
  await client.send(new PublishVersionCommand({ FunctionName: owner.name }));
  await settled(client, `${owner.name}:1`);
  await client.send(new CreateAliasCommand({ FunctionName: owner.name, Name: "live", FunctionVersion: "1" }));
  return owner;
}
