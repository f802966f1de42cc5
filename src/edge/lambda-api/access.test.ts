import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ServiceError } from "../../model/index.ts";
import { createRegistry } from "../../registry/index.ts";
import type { Act } from "../auth/permissions.ts";
import type { Caller } from "../caller.ts";
import { checkAccess } from "./access.ts";
import { serviceModel } from "./model.ts";

const folder = mkdtempSync(join(tmpdir(), "thaw-access-"));
const registry = createRegistry({ path: join(folder, "registry.sqlite") });
after(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

const asked: Act[] = [];
/** Somebody whose policies allow nothing, or everything. */
const somebody = (may: boolean): Caller => ({
  account: "000000000000",
  region: "us-east-1",
  service: "lambda",
  permissions: {
    judge(act) {
      asked.push(act);
      const allowed = { "identity-based policy": may, "permissions boundary": true, "session policy": true };
      return { denied: undefined, allowed };
    },
  },
});

const prefix = "arn:aws:lambda:us-east-1:000000000000";
const input = (name: string): Record<string, unknown> => {
  const shape = serviceModel().shapes[serviceModel().operations[name]!.input ?? ""];
  const values: Record<string, unknown> = {
    FunctionName: "f",
    LayerName: "l",
    VersionNumber: 1,
    Arn: `${prefix}:layer:l:1`,
    UUID: "u",
    CodeSigningConfigArn: `${prefix}:code-signing-config:csc-0123456789abcdef0`,
    CapacityProviderName: "c",
    DurableExecutionArn: `${prefix}:function:f:1/durable-execution/n/i`,
    Resource: `${prefix}:function:f`,
    ResourceArn: `${prefix}:function:f`,
  };
  const members = Object.keys(shape?.members ?? {}).filter((member) => Object.hasOwn(values, member));
  return Object.fromEntries(members.map((member) => [member, values[member]]));
};

function refusal(name: string, given = input(name)): string {
  try {
    checkAccess(registry, somebody(false), name, given);
  } catch (error) {
    assert.equal((error as ServiceError).code, "AccessDeniedException", name);
    return (error as Error).message;
  }
  throw new Error(`${name} was let in`);
}

test("no operation is open to somebody without permissions", () => {
  for (const name of Object.keys(serviceModel().operations)) {
    assert.match(refusal(name), / is not authorized to perform: lambda:\w+ on resource: /, name);
  }
});

test("an operation is about what AWS says it is about", () => {
  const about: Record<string, string> = {
    GetFunction: `lambda:GetFunction on resource: ${prefix}:function:f`,
    Invoke: `lambda:InvokeFunction on resource: ${prefix}:function:f`,
    InvokeWithResponseStream: `lambda:InvokeFunction on resource: ${prefix}:function:f`,
    ListFunctions: "lambda:ListFunctions on resource: *",
    ListLayerVersions: "lambda:ListLayerVersions on resource: *",
    CreateEventSourceMapping: "lambda:CreateEventSourceMapping on resource: *",
    DeleteEventSourceMapping: `lambda:DeleteEventSourceMapping on resource: ${prefix}:event-source-mapping:u`,
    GetLayerVersion: `lambda:GetLayerVersion on resource: ${prefix}:layer:l:1`,
    GetLayerVersionByArn: `lambda:GetLayerVersion on resource: ${prefix}:layer:l:1`,
    PublishLayerVersion: `lambda:PublishLayerVersion on resource: ${prefix}:layer:l`,
    UpdateCodeSigningConfig: `lambda:UpdateCodeSigningConfig on resource: ${prefix}:code-signing-config:csc-0123456789abcdef0`,
    GetCapacityProvider: `lambda:GetCapacityProvider on resource: ${prefix}:capacity-provider:c`,
    StopDurableExecution: `lambda:StopDurableExecution on resource: ${prefix}:function:f:1/durable-execution/n/i`,
    TagResource: `lambda:TagResource on resource: ${prefix}:function:f`,
    GetAccountSettings: "lambda:GetAccountSettings on resource: *",
  };
  for (const [name, words] of Object.entries(about))
    assert.ok(refusal(name).includes(`${words} because`), refusal(name));
  const qualified = refusal("GetFunction", { FunctionName: "f", Qualifier: "live" });
  assert.ok(qualified.includes(`${prefix}:function:f:live because`), qualified);
});

test("what comes along with a function needs permissions of its own", () => {
  asked.length = 0;
  const given = {
    FunctionName: "f",
    Layers: [`${prefix}:layer:l:1`],
    Tags: { team: "a" },
    Role: "arn:aws:iam::000000000000:role/r",
    VpcConfig: { SubnetIds: ["subnet-1"] },
  };
  // The role is nobody's: that is found last.
  assert.throws(() => checkAccess(registry, somebody(true), "CreateFunction", given), {
    name: "InvalidParameterValueException",
    message: "The role defined for the function cannot be assumed by Lambda.",
  });
  assert.deepEqual(
    asked.map(({ action }) => action),
    ["lambda:CreateFunction", "lambda:GetLayerVersion", "lambda:TagResource", "iam:PassRole"],
  );
  const [create, , , pass] = asked;
  assert.deepEqual(create?.context["lambda:Layer"], given.Layers);
  assert.deepEqual(create?.context["lambda:SubnetIds"], ["subnet-1"]);
  assert.equal(create?.context["aws:RequestTag/team"], "a");
  assert.equal(pass?.context["iam:PassedToService"], "lambda.amazonaws.com");
});
