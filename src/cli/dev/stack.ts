import { createHash } from "node:crypto";
import { isMapping, type Mapping } from "../../templates/index.ts";
import { ask, ServiceFailure } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import type { Package } from "../package/zip.ts";
import type { Connection } from "../settings.ts";
import { addresses } from "./addresses.ts";
import type { Project } from "./project.ts";

/** A stack that stands. */
export interface Deployed {
  /** physical name of each function, by its logical id */
  readonly functions: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
  /** addresses to call: function URLs and API routes */
  readonly urls: readonly string[];
}

/** What a function gets beside what the template says. */
export interface Extras {
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
}

const bucket = "thaw-dev";

/**
 * Creates or updates the project's stack by CloudFormation's API, with every function's package in a bucket of the platform's, as
 * `sam deploy` does. Rejects with the reasons of the resources that failed.
 */
export async function deployStack(
  connection: Connection,
  project: Project,
  packages: ReadonlyMap<string, Package>,
  extras: ReadonlyMap<string, Extras>,
): Promise<Deployed> {
  const call = createCall(connection);
  await put(connection, `/${bucket}`).catch((error: unknown) => {
    if (!(error instanceof ServiceFailure) || error.status !== 409) throw error;
  });
  const template = structuredClone(project.template!);
  for (const fn of project.functions) {
    const { zip, sha256 } = packages.get(fn.id)!;
    const key = `${Buffer.from(sha256, "base64").toString("hex")}.zip`;
    await put(connection, `/${bucket}/${key}`, zip);
    place(resourceOf(template, fn.id), key, fn.handler, extras.get(fn.id)!);
  }
  const text = JSON.stringify(template);
  const name = `${createHash("sha256").update(text).digest("hex")}.template`;
  await put(connection, `/${bucket}/${name}`, text);
  const common = {
    StackName: project.name,
    TemplateURL: `https://s3.${connection.region}.amazonaws.com/${bucket}/${name}`,
    "Capabilities.member.1": "CAPABILITY_NAMED_IAM",
    "Capabilities.member.2": "CAPABILITY_AUTO_EXPAND",
  };
  const before = await describe(call, project.name);
  // a stack that was never made can only be removed
  if (before?.status === "ROLLBACK_COMPLETE" || before?.status === "CREATE_FAILED") {
    await call("DeleteStack", { StackName: project.name });
    await settled(call, project.name);
  }
  const action =
    before === undefined || /^(ROLLBACK_COMPLETE|CREATE_FAILED)$/.test(before.status) ? "CreateStack" : "UpdateStack";
  await call(action, common).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes("No updates are to be performed")) throw error;
  });
  const after = await settled(call, project.name);
  if (after === undefined || !/^(CREATE|UPDATE)_COMPLETE$/.test(after.status)) {
    throw new CommandFailure(`The stack ${project.name} is ${after?.status}:\n  ${await reasons(call, project.name)}`, {
      code: "StackFailed",
      next: `correct ${project.file} and save it`,
    });
  }
  const resources = members((await call("DescribeStackResources", { StackName: project.name })).text, "StackResources");
  const functions = new Map(
    resources
      .filter((each) => tag(each, "ResourceType") === "AWS::Lambda::Function")
      .map((each) => [tag(each, "LogicalResourceId"), tag(each, "PhysicalResourceId")] as const),
  );
  const outputs = new Map(after.outputs);
  const standing = resources.map((each) => ({
    type: tag(each, "ResourceType"),
    physicalId: tag(each, "PhysicalResourceId"),
  }));
  return { functions, outputs, urls: await addresses(connection, standing) };
}

function resourceOf(template: Mapping, id: string): Mapping {
  return (template.Resources as Mapping)[id] as Mapping;
}

/** The package's place instead of the folder's, and the variables of files beside the template's own. */
function place(resource: Mapping, key: string, own: string, { handler, variables }: Extras): void {
  const properties: Mapping = isMapping(resource.Properties) ? resource.Properties : {};
  if (resource.Type === "AWS::Serverless::Function") properties.CodeUri = { Bucket: bucket, Key: key };
  else properties.Code = { S3Bucket: bucket, S3Key: key };
  if (handler !== own) properties.Handler = handler;
  if (Object.keys(variables).length > 0) {
    const environment = isMapping(properties.Environment) ? properties.Environment : {};
    const before = isMapping(environment.Variables) ? environment.Variables : {};
    properties.Environment = { ...environment, Variables: { ...before, ...variables } };
  }
  resource.Properties = properties;
}

async function put(connection: Connection, path: string, body: Buffer | string = ""): Promise<void> {
  await ask(connection, { method: "PUT", path, body, service: "s3" });
}

type Call = (action: string, parameters: Readonly<Record<string, string>>) => Promise<{ readonly text: string }>;

/** CloudFormation's Query API. Its errors are XML. */
function createCall(connection: Connection): Call {
  return async (action, parameters) => {
    const body = new URLSearchParams({ Action: action, Version: "2010-05-15", ...parameters }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    try {
      const answer = await ask(connection, { method: "POST", path: "/", headers, body, service: "cloudformation" });
      return { text: answer.body.toString() };
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      const message = tag(error.message, "Message");
      throw message === "" ? error : new ServiceFailure(tag(error.message, "Code"), message, error.status, undefined);
    }
  };
}

async function describe(call: Call, name: string) {
  try {
    const { text } = await call("DescribeStacks", { StackName: name });
    const outputs = members(text, "Outputs").map((each) => [tag(each, "OutputKey"), tag(each, "OutputValue")] as const);
    return { status: tag(text, "StackStatus"), outputs };
  } catch (error) {
    if (error instanceof ServiceFailure && /does not exist/.test(error.message)) return undefined;
    throw error;
  }
}

/** Waits until nothing is in progress. */
async function settled(call: Call, name: string) {
  for (;;) {
    const found = await describe(call, name);
    if (found === undefined || !found.status.endsWith("_IN_PROGRESS")) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function reasons(call: Call, name: string): Promise<string> {
  const { text } = await call("DescribeStackEvents", { StackName: name });
  const failed = members(text, "StackEvents").filter((each) => tag(each, "ResourceStatus").endsWith("_FAILED"));
  const lines = failed.map((each) => `${tag(each, "LogicalResourceId")}: ${tag(each, "ResourceStatusReason")}`);
  return [...new Set(lines)].slice(0, 5).join("\n  ");
}

/** Text of the first element of this name; the answers read here have no attributes and no CDATA. */
function tag(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp|#x?[0-9a-f]+);/gi, (whole, entity: string) => {
    if (!entity.startsWith("#")) return entities[entity] ?? whole;
    return String.fromCodePoint(Number(entity.replace(/^#x/i, "0x").replace(/^#/, "")));
  });
}

/** The `<member>`s directly in an element. */
function members(xml: string, name: string): string[] {
  const start = xml.indexOf(`<${name}>`);
  if (start === -1) return [];
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (const match of xml.slice(start).matchAll(/<(\/?)member>/g)) {
    const at = start + match.index;
    if (match[1] === "") {
      if (depth++ === 0) from = at + "<member>".length;
    } else if (--depth === 0) {
      found.push(xml.slice(from, at));
      if (xml.slice(at).match(/^<\/member>\s*<\//) !== null) break;
    }
  }
  return found;
}
