import type { Context } from "../../policy/index.ts";
import type { Scope } from "../../registry/index.ts";

/**
 * Operations whose permission has another name. Source: Service Authorization Reference, "Actions, resources, and condition
 * keys for AWS Lambda".
 */
const renamed: Readonly<Record<string, string>> = {
  Invoke: "InvokeFunction",
  InvokeWithResponseStream: "InvokeFunction",
  GetLayerVersionByArn: "GetLayerVersion",
};

/** Operations that are permitted for everything or nothing, though they may name a function or a layer. Same source. */
const unscoped: ReadonlySet<string> = new Set([
  "CreateCodeSigningConfig",
  "CreateEventSourceMapping",
  "GetAccountSettings",
  "ListCapacityProviders",
  "ListCodeSigningConfigs",
  "ListEventSourceMappings",
  "ListFunctions",
  "ListLayerVersions",
  "ListLayers",
]);

export const actionOf = (operation: string): string => `lambda:${renamed[operation] ?? operation}`;
export const isUnscoped = (operation: string): boolean => unscoped.has(operation);

type Input = Readonly<Record<string, unknown>>;

/** ARN of what a request names besides functions and layers; `*`: nothing. */
export function resourceOf(operation: string, input: Input, { account, region }: Scope): string {
  if (isUnscoped(operation)) return "*";
  const given = (member: string): string | undefined =>
    typeof input[member] === "string" && input[member] !== "" ? input[member] : undefined;
  const arn =
    given("CodeSigningConfigArn") ?? given("DurableExecutionArn") ?? given("Resource") ?? given("ResourceArn");
  if (arn !== undefined) return arn;
  const prefix = `arn:aws:lambda:${region}:${account}`;
  const mapping = given("UUID");
  if (mapping !== undefined) return `${prefix}:event-source-mapping:${mapping}`;
  const provider = given("CapacityProviderName");
  if (provider === undefined) return "*";
  return provider.startsWith("arn:") ? provider : `${prefix}:capacity-provider:${provider}`;
}

/** Lambda's own condition keys, and those about tags, as far as a request has them. Same source. */
export function conditionsOf(input: Input, { account, region }: Scope): Context {
  const text = (member: string): string | undefined =>
    typeof input[member] === "string" ? (input[member] as string) : undefined;
  const list = (value: unknown): readonly string[] | undefined =>
    Array.isArray(value) && value.length > 0 ? value.map(String) : undefined;
  const vpc = (input.VpcConfig ?? {}) as Input;
  const tags = typeof input.Tags === "object" && input.Tags !== null ? (input.Tags as Record<string, string>) : {};
  const name = text("FunctionName");
  const context: Record<string, string | readonly string[] | undefined> = {
    "lambda:Layer": list(input.Layers),
    "lambda:Principal": text("Principal"),
    "lambda:FunctionUrlAuthType": text("FunctionUrlAuthType") ?? text("AuthType"),
    "lambda:CodeSigningConfigArn": text("CodeSigningConfigArn"),
    "lambda:VpcIds": text("VpcId"),
    "lambda:SubnetIds": list(vpc.SubnetIds),
    "lambda:SecurityGroupIds": list(vpc.SecurityGroupIds),
    "aws:TagKeys": list(Object.keys(tags)) ?? list(input.TagKeys),
  };
  if (name !== undefined) {
    context["lambda:FunctionArn"] = name.startsWith("arn:")
      ? name
      : `arn:aws:lambda:${region}:${account}:function:${name}`;
  }
  for (const [key, value] of Object.entries(tags)) context[`aws:RequestTag/${key}`] = value;
  return context;
}
