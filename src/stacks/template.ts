import {
  createFindings,
  ForEachError,
  inOrderOf,
  isMapping,
  type Mapping,
  namesIn,
  readTemplate,
  samTransform,
  type TemplateDocument,
  TransformError,
  transformed,
  unrolled,
} from "../templates/index.ts";
import { invalid } from "./failure.ts";

/** A resource as its template has it, intrinsic functions and all. */
export interface Declared {
  readonly logicalId: string;
  readonly type: string;
  readonly body: Mapping;
  readonly properties: Mapping;
}

/** A template, read and checked, before anybody knows the values of its parameters. */
export interface Template {
  readonly document: TemplateDocument;
  readonly root: Mapping;
  readonly parameters: Readonly<Record<string, Mapping>>;
  readonly description: string | undefined;
  readonly transforms: readonly string[];
}

const sections = new Set(
  "AWSTemplateFormatVersion Description Metadata Parameters Rules Mappings Conditions Transform Resources Outputs Hooks Globals".split(
    " ",
  ),
);
const transforms: readonly string[] = [samTransform, "AWS::LanguageExtensions"];

/** Reads a template's text. Throws ValidationError, in CloudFormation's words where it has some. */
export function parseTemplate(text: string): Template {
  const findings = createFindings();
  const document = readTemplate(text, findings);
  if (document === undefined) {
    const [first] = findings.all();
    throw invalid(
      `Template format error: ${first === undefined ? "unsupported structure." : `${first.message} (line ${first.line})`}`,
    );
  }
  const { root } = document;
  const unknown = Object.keys(root).filter((name) => !sections.has(name));
  if (unknown.length > 0) throw invalid(`Invalid template property or properties [${unknown.join(", ")}]`);
  const { AWSTemplateFormatVersion: version } = root;
  if (
    version !== undefined &&
    String(version instanceof Date ? version.toISOString() : version).slice(0, 10) !== "2010-09-09"
  ) {
    throw invalid(`Template format error: ${String(version)} is not a supported value for AWSTemplateFormatVersion.`);
  }
  if (!isMapping(root.Resources) || Object.keys(root.Resources).length === 0) {
    throw invalid("Template format error: At least one Resources member must be defined.");
  }
  for (const [id, body] of Object.entries(root.Resources)) {
    if (id.startsWith("Fn::")) continue;
    if (!/^[A-Za-z0-9]{1,255}$/.test(id))
      throw invalid(`Template format error: Resource name ${id} is non alphanumeric.`);
    if (!isMapping(body)) throw invalid("Template format error: Every Resources object must be an object.");
    if (typeof body.Type !== "string") {
      throw invalid("Template format error: Every Resources object must contain a Type member.");
    }
  }
  const declared = [root.Transform ?? []].flat().map(String);
  const other = declared.find((name) => !transforms.includes(name));
  if (other !== undefined) {
    throw invalid(`Transform ${other} is not supported (these are: ${transforms.join(", ")})`);
  }
  const parameters = isMapping(root.Parameters) ? root.Parameters : {};
  for (const [name, declaration] of Object.entries(parameters)) {
    if (!isMapping(declaration) || declaration.Type === undefined) {
      throw invalid(`Template format error: Every Parameters object must contain a Type member. (${name})`);
    }
  }
  return {
    document,
    root,
    parameters: parameters as Record<string, Mapping>,
    description: typeof root.Description === "string" ? root.Description : undefined,
    transforms: declared,
  };
}

/** A template with its transforms applied: ready to be deployed. */
export interface Ready {
  readonly document: TemplateDocument;
  readonly root: Mapping;
  readonly resources: ReadonlyMap<string, Declared>;
  /** logical ids so that each comes after those it needs */
  readonly order: readonly string[];
  needs(logicalId: string): readonly string[];
}

/** Applies the transforms of a template. Throws ValidationError. */
export function prepare(template: Template, parameters: ReadonlyMap<string, unknown>): Ready {
  let { root } = template;
  try {
    if (template.transforms.includes("AWS::LanguageExtensions")) {
      root = unrolled(root, (collection) =>
        isMapping(collection) && typeof collection.Ref === "string" ? parameters.get(collection.Ref) : collection,
      ) as Mapping;
    }
    if (template.transforms.includes(samTransform)) root = transformed(root, parameters);
  } catch (error) {
    if (error instanceof TransformError || error instanceof ForEachError) {
      throw invalid(`Transform ${template.transforms.join(", ")} failed with: ${error.message}`);
    }
    throw error;
  }
  const resources = new Map<string, Declared>();
  for (const [logicalId, body] of Object.entries(root.Resources as Mapping)) {
    if (!isMapping(body)) continue;
    const { Properties, Type } = body;
    resources.set(logicalId, {
      logicalId,
      type: String(Type),
      body,
      properties: isMapping(Properties) ? Properties : {},
    });
  }
  checkReferences(root, resources, parameters);
  const needs = needsOf(resources);
  const sorted = inOrderOf([...resources.keys()], needs);
  if ("circle" in sorted) throw invalid(`Circular dependency between resources: [${sorted.circle.join(", ")}]`);
  return { document: { ...template.document, root }, root, resources, order: sorted.order, needs };
}

/** What each resource refers to, and what the conditions in it do not: they refer to parameters only. */
function needsOf(resources: ReadonlyMap<string, Declared>): (logicalId: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (logicalId) => {
    const found = known.get(logicalId);
    if (found !== undefined) return found;
    const body: Mapping = resources.get(logicalId)?.body ?? {};
    const own = [body.DependsOn ?? []].flat().map(String);
    const names = new Set([...own, ...namesIn(body.Properties)]);
    names.delete(logicalId);
    const needs = [...names].filter((name) => resources.has(name));
    known.set(logicalId, needs);
    return needs;
  };
}

/** Refers anything to what is not there? Throws in CloudFormation's words. */
function checkReferences(
  root: Mapping,
  resources: ReadonlyMap<string, Declared>,
  parameters: ReadonlyMap<string, unknown>,
): void {
  const isKnown = (name: string): boolean => resources.has(name) || parameters.has(name) || name.startsWith("AWS::");
  const missing = new Set<string>();
  for (const { body, logicalId } of resources.values()) {
    for (const name of namesIn(body.Properties)) if (!isKnown(name)) missing.add(name);
    for (const name of [body.DependsOn ?? []].flat().map(String)) {
      if (!resources.has(name)) {
        throw invalid(
          `Template format error: Unresolved resource dependencies [${name}] in the Resources block of the template (DependsOn of ${logicalId})`,
        );
      }
    }
    const conditions = isMapping(root.Conditions) ? root.Conditions : {};
    if (typeof body.Condition === "string" && !Object.hasOwn(conditions, body.Condition)) {
      throw invalid(
        `Template format error: Unresolved condition dependency ${body.Condition} in the Resources block of the template`,
      );
    }
  }
  if (missing.size > 0) {
    throw invalid(
      `Template format error: Unresolved resource dependencies [${[...missing].join(", ")}] in the Resources block of the template`,
    );
  }
  const outputs = new Set<string>();
  for (const output of Object.values(isMapping(root.Outputs) ? root.Outputs : {})) {
    for (const name of namesIn(output)) if (!isKnown(name)) outputs.add(name);
  }
  if (outputs.size > 0) {
    throw invalid(
      `Template format error: Unresolved resource dependencies [${[...outputs].join(", ")}] in the Outputs block of the template`,
    );
  }
}

/** Types of resources, and what a caller has to acknowledge for them. Source: CreateStack, "Capabilities". */
export function capabilitiesOf(template: Template): {
  readonly needed: readonly string[];
  readonly reason: string | undefined;
} {
  const named = new Set<string>();
  const found = new Set<string>();
  for (const body of Object.values(template.root.Resources as Mapping)) {
    if (!isMapping(body)) continue;
    const type = String(body.Type);
    const properties = isMapping(body.Properties) ? body.Properties : {};
    const nameOf: Readonly<Record<string, string>> = {
      "AWS::IAM::Role": "RoleName",
      "AWS::IAM::User": "UserName",
      "AWS::IAM::Group": "GroupName",
      "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
      "AWS::IAM::InstanceProfile": "InstanceProfileName",
    };
    if (type === "AWS::IAM::Policy" || type === "AWS::IAM::AccessKey" || type in nameOf) found.add(type);
    if (type === "AWS::Serverless::Function" && properties.Role === undefined) found.add("AWS::IAM::Role");
    const name = nameOf[type];
    if (name !== undefined && properties[name] !== undefined) named.add(type);
  }
  const needed = found.size === 0 ? [] : [named.size > 0 ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM"];
  const reason =
    found.size === 0 ? undefined : `The following resource(s) require capabilities: [${[...found].join(", ")}]`;
  return { needed, reason };
}
