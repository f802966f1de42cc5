import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { formatFinding } from "../../templates/index.ts";
import { ServiceFailure } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import type { Lambda } from "../lambda.ts";
import { type Package, packageFrom, zipText } from "../package/zip.ts";
import type { AliasStep, CodeSource, FunctionStep, LayerStep, Plan, PlannedStep } from "../template/plan.ts";
import { planTemplate } from "../template/plan-template.ts";
import { fill } from "../template/tokens.ts";
import { type DeployedFunction, defaultRole, deployFunction } from "./function.ts";

export interface TemplateOptions {
  /** name of the stack; default: the folder's */
  readonly stack: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  warn(message: string): void;
  /** called after each function */
  done(deployed: DeployedFunction): void;
  /** called after everything else that was done: one line */
  noted(line: string): void;
}

/** What a template's deployment came to. */
export interface DeployedTemplate {
  readonly stack: string;
  readonly functions: readonly DeployedFunction[];
  readonly layers: readonly {
    readonly name: string;
    readonly arn: string;
    readonly action: "published" | "unchanged";
  }[];
  readonly versions: readonly { readonly function: string; readonly version: string }[];
  readonly aliases: readonly { readonly function: string; readonly name: string; readonly arn: string }[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** Deploys what a template describes. Nothing is sent when the template has an error; all errors are said at once. */
export async function deployTemplate(
  lambda: Lambda,
  file: string,
  options: TemplateOptions,
): Promise<DeployedTemplate> {
  const { account, region } = lambda.connection;
  const stack = options.stack ?? (basename(dirname(resolve(file))).replace(/[^A-Za-z0-9-]+/g, "-") || "stack");
  const text = await readFile(file, "utf8");
  const plan = await planTemplate(text, file, { name: stack, account, region, parameters: options.parameters });
  const warnings = reportFindings(plan, file, options.warn);

  /** `LogicalId.Attribute` of what is deployed */
  const known = new Map<string, string>();
  const functions: DeployedFunction[] = [];
  const layers: DeployedTemplate["layers"][number][] = [];
  const versions: DeployedTemplate["versions"][number][] = [];
  const aliases: DeployedTemplate["aliases"][number][] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    options.warn(message);
  };

  for (const planned of plan.steps) {
    const step = { ...planned, ...fillStep(planned, known) } as PlannedStep;
    if (step.kind === "layer") {
      const layer = await publishLayer(lambda, step);
      layers.push(layer);
      known.set(`${step.logicalId}.Ref`, layer.arn).set(`${step.logicalId}.LayerVersionArn`, layer.arn);
      options.noted(`layer ${layer.name} ${layer.action}: ${layer.arn}`);
    } else if (step.kind === "function") {
      const deployed = await deployFunctionStep(lambda, step, file, warn);
      if (step.publish !== undefined) {
        const { Version, FunctionArn } = await lambda.publishVersion(step.name, step.publish.description);
        const alias = await pointAlias(lambda, step.name, step.publish.alias, { FunctionVersion: Version });
        deployed.version = Version;
        versions.push({ function: step.name, version: Version });
        aliases.push({ function: step.name, name: step.publish.alias, arn: alias });
        known.set(`${step.logicalId}.Version`, versionArn(FunctionArn, Version)).set(`${step.logicalId}.Alias`, alias);
      }
      functions.push(deployed);
      options.done(deployed);
    } else if (step.kind === "version") {
      const { Version, FunctionArn } = await lambda.publishVersion(step.functionName, step.description);
      versions.push({ function: step.functionName, version: Version });
      known.set(`${step.logicalId}.Ref`, versionArn(FunctionArn, Version)).set(`${step.logicalId}.Version`, Version);
      known.set(`${step.logicalId}.FunctionArn`, versionArn(FunctionArn, Version));
      options.noted(`version ${step.functionName}:${Version}`);
    } else {
      const arn = await pointAliasStep(lambda, step);
      aliases.push({ function: step.functionName, name: step.name, arn });
      known.set(`${step.logicalId}.Ref`, arn).set(`${step.logicalId}.AliasArn`, arn);
      options.noted(`alias ${step.name} → version ${step.settings.FunctionVersion}: ${arn}`);
    }
  }
  const outputs = fill(plan.outputs, known);
  for (const [name, value] of Object.entries(outputs)) {
    options.noted(`output ${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  return { stack, functions, layers, versions, aliases, outputs, warnings };
}

/** Inline code is the customer's own text: nothing in it is a token. */
function fillStep(step: PlannedStep, known: ReadonlyMap<string, string>): Partial<PlannedStep> {
  switch (step.kind) {
    case "function":
      return { settings: fill(step.settings, known), tags: fill(step.tags, known) };
    case "layer":
      return { settings: fill(step.settings, known) };
    case "version":
      return { functionName: fill(step.functionName, known) };
    case "alias":
      return { functionName: fill(step.functionName, known), settings: fill(step.settings, known) };
  }
}

function reportFindings(plan: Plan, file: string, warn: (message: string) => void): string[] {
  const texts = (severity: string): string[] =>
    plan.findings.filter((finding) => finding.severity === severity).map((finding) => formatFinding(file, finding));
  const errors = texts("error");
  if (errors.length > 0) {
    const count = errors.length === 1 ? "an error" : `${errors.length} errors`;
    throw new CommandFailure(`${file} has ${count}; nothing was deployed:\n  ${errors.join("\n  ")}`, {
      code: "TemplateInvalid",
      next: "correct the lines named above and run it again",
    });
  }
  const warnings = texts("warning");
  for (const warning of warnings) warn(warning);
  return warnings;
}

async function packaged(source: CodeSource): Promise<Package> {
  return source.kind === "inline" ? await zipText(source.file, source.text) : await packageFrom(source.path);
}

async function deployFunctionStep(
  lambda: Lambda,
  step: FunctionStep,
  file: string,
  warn: (message: string) => void,
): Promise<DeployedFunction> {
  const code = await packaged(step.code);
  const settings = { Role: defaultRole(lambda.connection.account), ...step.settings };
  const wish = { name: step.name, settings, complete: true, code, tags: step.tags };
  const deployed = await deployFunction(lambda, wish);
  await reserve(lambda, step, file, warn);
  return deployed;
}

/** Source: PutFunctionConcurrency: 100 executions of the account stay for functions without a reservation. */
const unreservedFloor = 100;

async function reserve(
  lambda: Lambda,
  { name, reserved }: FunctionStep,
  file: string,
  warn: (message: string) => void,
): Promise<void> {
  const before = await lambda.getConcurrency(name);
  if (reserved === undefined) {
    if (before !== undefined) await lambda.deleteConcurrency(name);
    return;
  }
  if (before === reserved.value) return;
  try {
    await lambda.putConcurrency(name, reserved.value);
  } catch (error) {
    if (reserved.exact || !(error instanceof ServiceFailure) || error.status !== 400) throw error;
    const unreserved = await lambda.unreservedConcurrency();
    const most = (unreserved ?? 0) + (before ?? 0) - unreservedFloor;
    const where = `${file}:${reserved.line}: ${reserved.path}`;
    if (most <= 0) {
      warn(`${where}: nothing reserved: ${error.message}`);
      return;
    }
    await lambda.putConcurrency(name, most);
    warn(`${where}: ${reserved.value} is more than the account has left; reserved ${most}`);
  }
}

/** A layer whose newest version has the same content and settings is not published again. */
async function publishLayer(lambda: Lambda, step: LayerStep): Promise<DeployedTemplate["layers"][number]> {
  const content = await packaged(step.content);
  const latest = await lambda.latestLayer(step.name);
  const same =
    latest?.Content?.CodeSha256 === content.sha256 &&
    (latest.Description ?? "") === (step.settings.Description ?? "") &&
    JSON.stringify(latest.CompatibleRuntimes ?? []) === JSON.stringify(step.settings.CompatibleRuntimes ?? []);
  if (same && latest !== undefined) return { name: step.name, arn: latest.LayerVersionArn, action: "unchanged" };
  const published = await lambda.publishLayer(step.name, content.zip, step.settings);
  return { name: step.name, arn: published.LayerVersionArn, action: "published" };
}

function pointAliasStep(lambda: Lambda, step: AliasStep): Promise<string> {
  return pointAlias(lambda, step.functionName, step.name, step.settings);
}

async function pointAlias(
  lambda: Lambda,
  functionName: string,
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<string> {
  const exists = (await lambda.getAlias(functionName, name)) !== undefined;
  const alias = exists
    ? await lambda.updateAlias(functionName, name, settings)
    : await lambda.createAlias(functionName, name, settings);
  return alias.AliasArn;
}

/** PublishVersion answers the qualified ARN; a server that answers the plain one is completed. */
function versionArn(arn: string, version: string): string {
  return arn.endsWith(`:${version}`) ? arn : `${arn}:${version}`;
}
