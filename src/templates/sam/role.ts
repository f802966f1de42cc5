import { isMapping, type Mapping } from "../document.ts";
import { given, listOf, mappingOf, SamError, tagList } from "./context.ts";
import { policyOf } from "./policy-templates.ts";

const managed = (name: string): string => `arn:aws:iam::aws:policy/${name}`;
export const serviceRole = (name: string): string => managed(`service-role/${name}`);

/** What lets a service assume a role. */
export const trustOf = (service: string): Mapping => ({
  Version: "2012-10-17",
  Statement: [{ Action: ["sts:AssumeRole"], Effect: "Allow", Principal: { Service: [service] } }],
});

export interface RoleParts {
  readonly managed: readonly string[];
  readonly inline: readonly InlinePolicy[];
  /** what events need; after those of `Policies` */
  readonly ofEvents: readonly InlinePolicy[];
}

export interface InlinePolicy {
  readonly PolicyName: string;
  readonly PolicyDocument: unknown;
}

/**
 * The role that SAM makes for a function without one: rights to write logs, those that its events need, and `Policies`.
 * Source: AWS SAM Developer Guide, AWS::Serverless::Function, "Policies".
 */
export function roleOf(id: string, properties: Mapping, parts: RoleParts): Mapping {
  const basics = ["AWSLambdaBasicExecutionRole"];
  if (properties.VpcConfig !== undefined) basics.push("AWSLambdaVPCAccessExecutionRole");
  const arns: unknown[] = basics.map(serviceRole);
  if (properties.Tracing === "Active") arns.push(managed("AWSXrayWriteOnlyAccess"));
  const inline: unknown[] = [...parts.inline];
  for (const [index, policy] of listOf(properties.Policies).entries()) {
    const PolicyName = `${id}RolePolicy${index}`;
    const statement = isMapping(policy) && "Statement" in policy ? policy : policyOf(id, policy);
    if (statement !== undefined) inline.push({ PolicyName, PolicyDocument: statement });
    else if (typeof policy === "string") arns.push(policy.startsWith("arn:") ? policy : arnOfManaged(policy));
    else if (isMapping(policy)) arns.push(policy);
    else throw new SamError(id, "'Policies' property has an invalid entry");
  }
  inline.push(...parts.ofEvents);
  return given({
    AssumeRolePolicyDocument: properties.AssumeRolePolicyDocument ?? trustOf("lambda.amazonaws.com"),
    ManagedPolicyArns: [...new Set([...arns, ...parts.managed.map(serviceRole)])],
    Policies: inline.length === 0 ? undefined : inline,
    PermissionsBoundary: properties.PermissionsBoundary,
    Path: properties.RolePath,
    Tags: [{ Key: "lambda:createdBy", Value: "SAM" }, ...tagList(mappingOf(properties.Tags))],
  });
}

/** AWS keeps the policies of service roles under a path of their own. */
const arnOfManaged = (name: string): string =>
  /^AWSLambda(?!_|Invocation)\w*ExecutionRole$|^AWSLambda(Role|BasicExecutionRole)$/.test(name)
    ? serviceRole(name)
    : managed(name);
