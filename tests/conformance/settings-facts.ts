import assert from "node:assert/strict";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  type UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import { bootstrap, role } from "./door.ts";
import { type Fact, refused } from "./facts.ts";
import { functionOf, newName, settled } from "./facts-functions.ts";

/** A new function of these settings and the least of others. */
export const create = (client: LambdaClient, more: Partial<CreateFunctionCommandInput> | object) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName: newName(),
      Role: role,
      Runtime: "provided.al2023",
      Handler: "any",
      Code: { ZipFile: bootstrap },
      ...more,
    } as CreateFunctionCommandInput),
  );
/** Changes a configuration and waits until it has. */
export const update = async (
  client: LambdaClient,
  FunctionName: string,
  more: Partial<UpdateFunctionConfigurationCommandInput> | object,
) => {
  const updated = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...more }));
  await settled(client, FunctionName);
  return updated;
};

/** Refused at creation, and where `updates` in an update too, which then changes nothing. */
export const refusal = (
  fact: string,
  source: string,
  given: object,
  code: string,
  text?: string | RegExp,
  updates = true,
): Fact => ({
  fact,
  source,
  async holds({ client }) {
    await refused(create(client, given), code, text);
    if (!updates) return;
    const { name, revision } = await functionOf(client);
    await refused(update(client, name, given), code, text);
    assert.equal((await settled(client, name)).RevisionId, revision);
  },
});
