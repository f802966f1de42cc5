import { dirname } from "node:path";
import {
  createFindings,
  createScope,
  evaluate,
  type Findings,
  isMapping,
  type Mapping,
  type Resources,
  readTemplate,
  type Scope,
  type Stack,
  type TemplateDocument,
  Unresolved,
} from "../../templates/index.ts";
import { functionStep } from "./function-resource.ts";
import { withGlobals } from "./globals.ts";
import { inOrder } from "./order.ts";
import { aliasStep, layerStep, versionStep } from "./other-resources.ts";
import { readParameters } from "./parameters.ts";
import type { Plan, PlannedStep } from "./plan.ts";
import { createReader, type Resource, type ResourceReader } from "./resource.ts";
import { settle } from "./settle.ts";
import { token } from "./tokens.ts";

type Planner = (resource: Resource, read: ResourceReader) => Promise<PlannedStep | undefined>;

const planners: Readonly<Record<string, Planner>> = {
  "AWS::Serverless::Function": functionStep,
  "AWS::Lambda::Function": functionStep,
  "AWS::Serverless::LayerVersion": layerStep,
  "AWS::Lambda::LayerVersion": layerStep,
  "AWS::Lambda::Version": versionStep,
  "AWS::Lambda::Alias": aliasStep,
};

const sections = new Set(
  "AWSTemplateFormatVersion Description Metadata Parameters Mappings Conditions Transform Globals Resources Outputs".split(
    " ",
  ),
);

/** Attributes of a resource that change nothing at deployment: who reads them is told elsewhere or is a person. */
const quietAttributes = new Set(["Type", "Properties", "DependsOn", "Condition", "Metadata"]);

/** Reads a template and works out what to deploy, without sending anything. Every problem is among the findings. */
export async function planTemplate(
  text: string,
  file: string,
  stack: Stack & { readonly parameters: Readonly<Record<string, string>> },
): Promise<Plan> {
  const findings = createFindings();
  const document = readTemplate(text, findings);
  if (document === undefined) return { steps: [], outputs: {}, findings: findings.all() };
  const { root, positions } = document;
  for (const section of Object.keys(root)) {
    if (!sections.has(section)) findings.warn(positions.line(root, section) ?? 0, section, "not acted on yet");
  }

  const resources = readResources(document, findings);
  /** logical ids that the resource being planned refers to */
  let referred = new Set<string>();
  const lookup = createLookup(
    resources,
    stack,
    (logicalId) => referred.add(logicalId),
    () => scope,
  );
  const scope: Scope = createScope(document, stack, readParameters(document, stack.parameters, findings), lookup);
  checkTransforms(root, scope, findings);

  const steps: PlannedStep[] = [];
  const needs = new Map<string, ReadonlySet<string>>();
  for (const resource of resources.values()) {
    const planner = planners[resource.type];
    if (planner === undefined) {
      findings.warn(resource.line, resource.logicalId, `${resource.type}: not acted on yet`);
      continue;
    }
    if (!exists(resource, scope, findings)) continue;
    referred = new Set(resource.dependsOn);
    const step = await planner(resource, createReader(resource, scope, findings, dirname(file), lookup));
    if (step === undefined) continue;
    steps.push(step);
    needs.set(resource.logicalId, referred);
  }
  if (steps.length === 0 && !findings.all().some(({ severity }) => severity === "error")) {
    findings.fail(0, "Resources", "has no function, layer, version or alias to deploy");
  }
  checkNames(steps, findings);
  const ordered = inOrder(steps, needs, findings);
  return { steps: ordered, outputs: readOutputs(document, scope, findings), findings: findings.all() };
}

interface FoundResource extends Resource {
  readonly condition: unknown;
  readonly dependsOn: readonly string[];
}

function readResources({ root, positions }: TemplateDocument, findings: Findings): Map<string, FoundResource> {
  const found = new Map<string, FoundResource>();
  const globals = isMapping(root.Globals) ? root.Globals : {};
  for (const name of Object.keys(globals)) {
    if (name !== "Function") findings.warn(positions.line(globals, name) ?? 0, `Globals.${name}`, "not acted on yet");
  }
  const resources = isMapping(root.Resources) ? root.Resources : {};
  for (const [logicalId, body] of Object.entries(resources)) {
    const line = positions.line(resources, logicalId) ?? 0;
    if (!isMapping(body) || typeof body.Type !== "string") {
      findings.fail(line, logicalId, "must be a mapping with a Type");
      continue;
    }
    const properties = body.Properties ?? {};
    if (!isMapping(properties)) {
      findings.fail(positions.line(body, "Properties") ?? line, `${logicalId}.Properties`, "must be a mapping");
      continue;
    }
    if (body.Type in planners) warnOfAttributes(logicalId, body, positions, findings);
    found.set(logicalId, {
      logicalId,
      type: body.Type,
      line,
      condition: body.Condition,
      dependsOn: [body.DependsOn ?? []].flat().map(String),
      properties:
        body.Type === "AWS::Serverless::Function" ? withGlobals(globals.Function, properties, positions) : properties,
    });
  }
  return found;
}

function warnOfAttributes(
  logicalId: string,
  body: Mapping,
  positions: TemplateDocument["positions"],
  findings: Findings,
): void {
  for (const attribute of Object.keys(body)) {
    if (quietAttributes.has(attribute)) continue;
    findings.warn(positions.line(body, attribute) ?? 0, `${logicalId}.${attribute}`, "not acted on yet");
  }
  const metadata = body.Metadata;
  if (!isMapping(metadata)) return;
  for (const key of ["BuildMethod", "BuildProperties", "Dockerfile"]) {
    if (!(key in metadata)) continue;
    const line = positions.line(metadata, key) ?? 0;
    findings.warn(
      line,
      `${logicalId}.Metadata.${key}`,
      "nothing is built; the folder is deployed as it is (sam build first)",
    );
  }
}

/** Ref and GetAtt of resources: predicted where the name decides, tokens where only the deployment does. */
function createLookup(
  resources: ReadonlyMap<string, FoundResource>,
  stack: Stack,
  refer: (logicalId: string) => void,
  scope: () => Scope,
): Resources & { physicalName(logicalId: string): string | undefined } {
  const naming = new Set<string>();
  const arnOf = (name: string): string => `arn:aws:lambda:${stack.region}:${stack.account}:function:${name}`;

  const physicalName = (logicalId: string): string | undefined => {
    const resource = resources.get(logicalId);
    if (resource === undefined || naming.has(logicalId)) return undefined;
    naming.add(logicalId);
    const given = evaluate(resource.properties[isLayer(resource) ? "LayerName" : "FunctionName"], scope());
    naming.delete(logicalId);
    if (typeof given === "string" && given !== "") return given;
    // SAM names a layer by its logical id; CloudFormation names the rest after the stack
    return isLayer(resource) ? logicalId : `${stack.name}-${logicalId}`.slice(0, 64);
  };

  const notActedOn = ({ logicalId, type }: FoundResource): Unresolved =>
    new Unresolved(`${logicalId} is an ${type}, which is not acted on yet`);

  const find = (logicalId: string): FoundResource | undefined => {
    const resource = resources.get(logicalId);
    if (resource !== undefined) refer(logicalId);
    return resource;
  };

  const attribute = (logicalId: string, name: string): unknown => {
    const resource = find(logicalId);
    if (resource === undefined) return undefined;
    if (!(resource.type in planners)) return notActedOn(resource);
    const known = attributesOf(resource.type);
    if (isFunction(resource) && name === "Arn") return arnOf(physicalName(logicalId) ?? logicalId);
    if (known.includes(name)) return token(logicalId, name);
    return new Unresolved(`${resource.type} has no attribute ${name} (it has: ${known.join(", ")})`);
  };

  return {
    physicalName,
    attribute,
    reference(name) {
      const resource = find(name);
      if (resource === undefined) {
        // SAM's MyFunction.Version and MyFunction.Alias: resources that AutoPublishAlias makes
        const [, owner, part] = /^(.+)\.(Version|Alias)$/.exec(name) ?? [];
        return owner !== undefined && resources.has(owner) && part !== undefined ? attribute(owner, part) : undefined;
      }
      if (!(resource.type in planners)) return notActedOn(resource);
      return isFunction(resource) ? physicalName(name) : token(name, "Ref");
    },
  };
}

const isLayer = ({ type }: Resource): boolean => type.endsWith("::LayerVersion");
const isFunction = ({ type }: Resource): boolean => type.endsWith("::Function");

function attributesOf(type: string): readonly string[] {
  switch (type) {
    case "AWS::Serverless::Function":
      return ["Arn", "Version", "Alias"];
    case "AWS::Lambda::Function":
      return ["Arn"];
    case "AWS::Lambda::Version":
      return ["Version", "FunctionArn"];
    case "AWS::Lambda::Alias":
      return ["AliasArn"];
    default:
      return ["LayerVersionArn"];
  }
}

function exists(resource: FoundResource, scope: Scope, findings: Findings): boolean {
  if (resource.condition === undefined) return true;
  const holds = scope.condition(String(resource.condition));
  if (!(holds instanceof Unresolved)) return holds;
  findings.fail(resource.line, `${resource.logicalId}.Condition`, holds.why);
  return false;
}

function checkTransforms(root: Mapping, scope: Scope, findings: Findings): void {
  const understood = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"];
  const line = scope.positions.line(root, "Transform") ?? 0;
  for (const transform of [root.Transform ?? []].flat()) {
    if (typeof transform === "string" && understood.includes(transform)) continue;
    findings.warn(line, "Transform", `${JSON.stringify(transform)}: not acted on yet`);
  }
}

/** Two resources with one name would overwrite each other. */
function checkNames(steps: readonly PlannedStep[], findings: Findings): void {
  const owners = new Map<string, string>();
  for (const step of steps) {
    if (step.kind !== "function") continue;
    const owner = owners.get(step.name);
    if (owner !== undefined)
      findings.fail(step.line, step.logicalId, `has the same FunctionName as ${owner}: ${step.name}`);
    owners.set(step.name, step.logicalId);
  }
}

function readOutputs({ root, positions }: TemplateDocument, scope: Scope, findings: Findings): Record<string, unknown> {
  const outputs: Record<string, unknown> = {};
  const declared = isMapping(root.Outputs) ? root.Outputs : {};
  for (const [name, output] of Object.entries(declared)) {
    if (!isMapping(output)) continue;
    if (output.Condition !== undefined && scope.condition(String(output.Condition)) !== true) continue;
    const at = { path: `Outputs.${name}.Value`, line: positions.line(output, "Value") ?? 0 };
    const value = settle(evaluate(output.Value, scope), at, positions, findings);
    if (value !== undefined && typeof value !== "symbol") outputs[name] = value;
  }
  return outputs;
}
