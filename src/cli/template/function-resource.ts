import { isMapping, type Mapping } from "../../templates/index.ts";
import type { Settings } from "../lambda.ts";
import { codeOf } from "./code.ts";
import type { FunctionStep } from "./plan.ts";
import type { Resource, ResourceReader } from "./resource.ts";

/** Properties that mean the same in both dialects: CreateFunction's member of the same name. */
const passedOn = new Set([
  "Runtime",
  "Handler",
  "Role",
  "Description",
  "MemorySize",
  "Timeout",
  "Environment",
  "Layers",
  "Architectures",
  "EphemeralStorage",
  "LoggingConfig",
  "SnapStart",
  "DurableConfig",
  "PackageType",
]);

/** Template values are often texts (parameters always are) where the API takes a number. */
const numbers = new Set(["MemorySize", "Timeout"]);

/** Read by their own code below. */
const readElsewhere = new Set(["FunctionName", "Code", "CodeUri", "InlineCode", "Tags"]);

const misspelledReservation = "ReservedConcurrencyLimit";

/** AWS::Serverless::Function or AWS::Lambda::Function → what CreateFunction takes. undefined after an error. */
export async function functionStep(resource: Resource, read: ResourceReader): Promise<FunctionStep | undefined> {
  const serverless = resource.type === "AWS::Serverless::Function";
  const settings: Record<string, unknown> = {};
  let reserved: FunctionStep["reserved"];
  let alias: string | undefined;
  let description: string | undefined;

  for (const property of Object.keys(resource.properties)) {
    if (readElsewhere.has(property)) {
      const foreign = serverless ? property === "Code" : property === "CodeUri" || property === "InlineCode";
      if (foreign) read.fail(property, `is not a property of ${resource.type}`);
      continue;
    }
    const value = (): unknown => read.value(property);
    if (property === "Environment") settings.Environment = environment(read);
    else if (passedOn.has(property)) settings[property] = numbers.has(property) ? read.number(property) : value();
    else if (property === "ReservedConcurrentExecutions" || property === misspelledReservation) {
      const exact = property !== misspelledReservation;
      if (!exact) read.warn(property, "AWS calls this ReservedConcurrentExecutions; understood as that");
      const number = read.number(property);
      if (number !== undefined) reserved = { value: number, exact, ...read.at(property) };
    } else if (serverless && property === "Tracing") {
      const mode = value();
      if (mode !== "Disabled" && mode !== undefined) settings.TracingConfig = { Mode: mode };
    } else if (serverless && property === "DeadLetterQueue") {
      const queue = value();
      if (isMapping(queue) && queue.TargetArn !== undefined) settings.DeadLetterConfig = { TargetArn: queue.TargetArn };
    } else if (!serverless && (property === "TracingConfig" || property === "DeadLetterConfig")) {
      settings[property] = value();
    } else if (serverless && property === "AutoPublishAlias") alias = read.text(property);
    else if (serverless && property === "VersionDescription") description = read.text(property);
    else read.warn(property, "not acted on yet");
  }

  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  if (!required(resource, read, given)) return undefined;
  const code = await codeOf(resource, read, String(given.Runtime));
  const name = read.resources.physicalName(resource.logicalId);
  if (code === undefined || name === undefined) return undefined;
  return {
    kind: "function",
    logicalId: resource.logicalId,
    line: resource.line,
    name,
    settings: given,
    tags: tagsOf(read),
    code,
    reserved,
    publish: alias === undefined ? undefined : { alias, description },
  };
}

/** Every variable is text for a process; `1.0` stays `1.0`, as it was written. */
function environment(read: ResourceReader): Settings | undefined {
  const evaluated = read.evaluated("Environment");
  if (!isMapping(evaluated)) return read.value("Environment") as Settings | undefined;
  const variables = evaluated.Variables;
  const texts: Mapping = {};
  if (isMapping(variables)) {
    for (const [name, value] of Object.entries(variables)) {
      if (typeof value === "number" || typeof value === "boolean") {
        texts[name] = read.positions.source(variables, name) ?? String(value);
      } else texts[name] = value;
    }
    read.positions.inherit(texts, variables);
  }
  const { path, line } = read.at("Environment");
  for (const key of Object.keys(evaluated)) {
    if (key !== "Variables") read.findings.warn(line, `${path}.${key}`, "not acted on yet");
  }
  const settled = read.settle(texts, { path: `${path}.Variables`, line }) as Mapping;
  for (const [name, value] of Object.entries(settled)) {
    if (typeof value === "string") continue;
    const at = read.positions.line(texts, name) ?? line;
    read.findings.fail(at, `${path}.Variables.${name}`, `must be text, not ${JSON.stringify(value)}`);
  }
  return { Variables: settled };
}

function required(resource: Resource, read: ResourceReader, settings: Settings): boolean {
  const { PackageType, Runtime, Handler } = settings;
  if (PackageType === "Image" || "ImageUri" in resource.properties) {
    read.failResource("container images are not built yet; deploy a zip with a Runtime and a Handler");
    return false;
  }
  const missing = [
    ...(Runtime === undefined ? ["Runtime"] : []),
    // functions of the provided runtimes have one executable, and CloudFormation still wants the property
    ...(Handler === undefined ? ["Handler"] : []),
  ];
  if (missing.length > 0) read.failResource(`needs ${missing.join(" and ")}`);
  return missing.length === 0;
}

/** SAM writes tags as a mapping, CloudFormation as a list of Key and Value. */
function tagsOf(read: ResourceReader): Record<string, string> {
  const tags = read.value("Tags");
  const pairs = Array.isArray(tags)
    ? tags.filter(isMapping).map((tag): [string, unknown] => [String(tag.Key), tag.Value])
    : Object.entries(isMapping(tags) ? tags : {});
  return Object.fromEntries(pairs.map(([key, value]) => [key, String(value ?? "")]));
}
