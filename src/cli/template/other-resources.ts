import { isMapping } from "../../templates/index.ts";
import { contentOf } from "./code.ts";
import type { AliasStep, LayerStep, VersionStep } from "./plan.ts";
import type { Resource, ResourceReader } from "./resource.ts";

/** Names the properties that nothing reads. */
function warnOfOthers(resource: Resource, read: ResourceReader, known: readonly string[]): void {
  for (const property of Object.keys(resource.properties)) {
    if (!known.includes(property)) read.warn(property, "not acted on yet");
  }
}

/** AWS::Serverless::LayerVersion or AWS::Lambda::LayerVersion → what PublishLayerVersion takes. */
export async function layerStep(resource: Resource, read: ResourceReader): Promise<LayerStep | undefined> {
  const content = resource.type === "AWS::Serverless::LayerVersion" ? "ContentUri" : "Content";
  const members = ["Description", "CompatibleRuntimes", "CompatibleArchitectures"];
  const license = resource.type === "AWS::Serverless::LayerVersion" ? "LicenseInfo" : "LicenseInfo";
  warnOfOthers(resource, read, ["LayerName", content, license, ...members]);
  const settings = Object.fromEntries(
    [...members, license].map((member) => [member, read.value(member)]).filter(([, value]) => value !== undefined),
  );
  const source = await contentOf(read, content);
  const name = read.resources.physicalName(resource.logicalId);
  if (source === undefined || name === undefined) return undefined;
  return { kind: "layer", logicalId: resource.logicalId, line: resource.line, name, settings, content: source };
}

/** AWS::Lambda::Version → PublishVersion. */
export async function versionStep(resource: Resource, read: ResourceReader): Promise<VersionStep | undefined> {
  warnOfOthers(resource, read, ["FunctionName", "Description"]);
  const functionName = read.text("FunctionName");
  if (functionName === undefined) {
    read.failResource("needs FunctionName");
    return undefined;
  }
  const { logicalId, line } = resource;
  return { kind: "version", logicalId, line, functionName, description: read.text("Description") };
}

/** AWS::Lambda::Alias → CreateAlias or UpdateAlias. */
export async function aliasStep(resource: Resource, read: ResourceReader): Promise<AliasStep | undefined> {
  warnOfOthers(resource, read, ["FunctionName", "FunctionVersion", "Name", "Description", "RoutingConfig"]);
  const functionName = read.text("FunctionName");
  const version = read.text("FunctionVersion");
  const name = read.text("Name");
  const missing = Object.entries({ FunctionName: functionName, FunctionVersion: version, Name: name })
    .filter(([, value]) => value === undefined)
    .map(([property]) => property);
  if (functionName === undefined || version === undefined || name === undefined) {
    read.failResource(`needs ${missing.join(" and ")}`);
    return undefined;
  }
  const { logicalId, line } = resource;
  const routing = routingOf(read.value("RoutingConfig"));
  const settings = {
    FunctionVersion: version,
    Description: read.text("Description") ?? "",
    RoutingConfig: { AdditionalVersionWeights: routing },
  };
  return { kind: "alias", logicalId, line, functionName, name, settings };
}

/** CloudFormation writes a list of FunctionVersion and FunctionWeight; the API takes a mapping. */
function routingOf(routing: unknown): Record<string, number> {
  const weights =
    isMapping(routing) && Array.isArray(routing.AdditionalVersionWeights) ? routing.AdditionalVersionWeights : [];
  return Object.fromEntries(
    weights.filter(isMapping).map((each) => [String(each.FunctionVersion), Number(each.FunctionWeight)]),
  );
}
