import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createFindings, formatFinding, isMapping, type Mapping, readTemplate } from "../../templates/index.ts";
import { functionName } from "../commands/deploy.ts";
import { CommandFailure } from "../failure.ts";
import { detect } from "../package/detect.ts";
import { cdkTemplate } from "./cdk.ts";
import { serverlessTemplate } from "./serverless.ts";
import { typescriptEntry, typescriptHandler } from "./typescript.ts";

/** Where one function's code is, and how it becomes a package. */
export interface DevFunction {
  /** logical id in the template; the function's name where there is none */
  readonly id: string;
  readonly runtime: string;
  readonly handler: string;
  /** folder, zip or jar that is deployed; for TypeScript the folder that the entry is looked for in */
  readonly path: string;
  /** TypeScript file to bundle; undefined: the path goes as it is */
  readonly entry: string | undefined;
}

/** What `thaw dev` has found in a folder. */
export interface Project {
  readonly kind: "folder" | "template" | "serverless" | "cdk";
  /** the name of the function, or of the stack */
  readonly name: string;
  /** what it was read from */
  readonly file: string;
  readonly functions: readonly DevFunction[];
  /** CloudFormation or SAM; undefined for a folder that is one function */
  readonly template: Mapping | undefined;
  /** what is left out, one sentence each */
  readonly warnings: readonly string[];
}

const templates = ["template.yaml", "template.yml", "template.json"];
const serverless = ["serverless.yml", "serverless.yaml"];

/** Reads a project: a template, serverless.yml or cdk.out wins over code. Rejects with what was looked for. */
export async function readProject(folder: string, stage: string): Promise<Project> {
  const files = new Set(await readdir(folder));
  const found = (names: readonly string[]): string | undefined => names.find((name) => files.has(name));
  const name =
    (basename(resolve(folder)).replace(/[^A-Za-z0-9-]+/g, "-") || "stack").replace(/^[^A-Za-z]+/, "") || "app";

  const template = found(templates);
  if (template !== undefined) {
    const file = join(folder, template);
    return await ofTemplate("template", name, file, mappingOf(await readFile(file, "utf8"), file), folder, []);
  }
  const sls = found(serverless);
  if (sls !== undefined) {
    const file = join(folder, sls);
    const made = serverlessTemplate(mappingOf(await readFile(file, "utf8"), file), { stage, env: process.env });
    return await ofTemplate("serverless", made.name, file, made.template, folder, made.warnings);
  }
  if (files.has("cdk.out")) {
    const { file, stack, text } = await cdkTemplate(join(folder, "cdk.out"));
    return await ofTemplate("cdk", stack, file, mappingOf(text, file), dirname(file), []);
  }
  return await ofFolder(folder);
}

async function ofFolder(folder: string): Promise<Project> {
  const written = await typescriptHandler(folder);
  const found = written ?? (await detect(folder, { runtime: undefined, handler: undefined }));
  const name = functionName(found.name ?? basename(resolve(folder)));
  const { runtime, handler } = found;
  const entry = written?.entry;
  const fn = { id: name, runtime, handler, path: folder, entry };
  return { kind: "folder", name, file: folder, functions: [fn], template: undefined, warnings: [] };
}

function mappingOf(text: string, file: string): Mapping {
  const findings = createFindings();
  const document = readTemplate(text, findings);
  const errors = findings.all().filter(({ severity }) => severity === "error");
  if (document === undefined || errors.length > 0) {
    throw new CommandFailure(errors.map((finding) => formatFinding(file, finding)).join("\n"), {
      code: "TemplateInvalid",
    });
  }
  return document.root;
}

const functionTypes = new Set(["AWS::Serverless::Function", "AWS::Lambda::Function"]);

async function ofTemplate(
  kind: Project["kind"],
  name: string,
  file: string,
  template: Mapping,
  folder: string,
  warnings: readonly string[],
): Promise<Project> {
  const globals = isMapping(template.Globals) && isMapping(template.Globals.Function) ? template.Globals.Function : {};
  const functions: DevFunction[] = [];
  const resources = isMapping(template.Resources) ? template.Resources : {};
  for (const [id, resource] of Object.entries(resources)) {
    if (!isMapping(resource) || !functionTypes.has(String(resource.Type))) continue;
    const serverlessFunction = resource.Type === "AWS::Serverless::Function";
    const own = isMapping(resource.Properties) ? resource.Properties : {};
    const properties = serverlessFunction ? { ...globals, ...own } : own;
    const { Runtime: runtime, Handler: handler } = properties;
    const place = codePlace(resource, properties, serverlessFunction);
    if (place === undefined || typeof runtime !== "string") continue;
    const path = resolve(folder, place);
    const named = typeof handler === "string" ? handler : "bootstrap";
    const entry = runtime.startsWith("nodejs") ? await typescriptEntry(path, named, entryPoints(resource)) : undefined;
    functions.push({ id, runtime, handler: named, path, entry });
  }
  if (functions.length === 0) {
    throw new CommandFailure(`${file} has no function with code beside it.`, {
      next: "give a function a CodeUri (SAM) or a Code (CloudFormation) that is a folder",
    });
  }
  return { kind, name, file, functions, template, warnings };
}

/** A local folder or archive; undefined for inline code and for what is in S3 or an image. */
function codePlace(resource: Mapping, properties: Mapping, serverlessFunction: boolean): string | undefined {
  // what `cdk synth` writes for tools like this one
  const asset = isMapping(resource.Metadata) ? resource.Metadata["aws:asset:path"] : undefined;
  if (typeof asset === "string") return asset;
  if (properties.InlineCode !== undefined || properties.ImageUri !== undefined) return undefined;
  const code = serverlessFunction ? (properties.CodeUri ?? ".") : properties.Code;
  return typeof code === "string" && !/^(s3|https?):/.test(code) ? code : undefined;
}

/** Source: SAM Developer Guide, "Building Node.js Lambda functions with esbuild": Metadata's BuildProperties.EntryPoints. */
function entryPoints({ Metadata }: Mapping): readonly string[] {
  const build = isMapping(Metadata) && isMapping(Metadata.BuildProperties) ? Metadata.BuildProperties : {};
  return Array.isArray(build.EntryPoints) ? build.EntryPoints.filter((each) => typeof each === "string") : [];
}
