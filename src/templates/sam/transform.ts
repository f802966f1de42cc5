import { isMapping, type Mapping } from "../document.ts";
import { implicitApis, transformHttpApi, transformRestApi } from "./apis.ts";
import { mappingOf, type Route, type SamContext, SamError, type SamResource } from "./context.ts";
import { transformFunction } from "./function.ts";
import { withGlobals } from "./globals.ts";
import { transformApplication, transformLayer, transformTable } from "./others.ts";
import { renamed } from "./renaming.ts";

/** A template that says it is a serverless application, and is none. */
export class TransformError extends Error {}

export const samTransform = "AWS::Serverless-2016-10-31";

const transforms: Readonly<Record<string, (context: SamContext, resource: SamResource) => void>> = {
  "AWS::Serverless::Function": transformFunction,
  "AWS::Serverless::SimpleTable": transformTable,
  "AWS::Serverless::LayerVersion": transformLayer,
  "AWS::Serverless::Application": transformApplication,
  "AWS::Serverless::Api": transformRestApi,
  "AWS::Serverless::HttpApi": transformHttpApi,
};
/** After the functions, whose events say what is in them. */
const apis: readonly string[] = ["AWS::Serverless::Api", "AWS::Serverless::HttpApi"];

/**
 * A template with serverless resources as CloudFormation's own. `parameters`: values of the template's parameters, which some
 * names depend on. Throws TransformError with everything that is wrong.
 */
export function transformed(root: Mapping, parameters: ReadonlyMap<string, unknown>): Mapping {
  const source = mappingOf(root.Resources);
  const globals = mappingOf(root.Globals);
  const resources: Mapping = {};
  const aliases = new Map<string, string>();
  const context: SamContext = {
    source,
    resources,
    add(id, type, properties, rest = {}) {
      const empty = Object.keys(properties).length === 0 && type !== "AWS::SQS::Queue";
      resources[id] = { Type: type, ...rest, ...(empty ? {} : { Properties: properties }) };
    },
    plain(value) {
      if (!isMapping(value) || typeof value.Ref !== "string") return value;
      return parameters.has(value.Ref) ? parameters.get(value.Ref) : value;
    },
    alias: (owner, part, id) => void aliases.set(part === "" ? owner : `${owner}.${part}`, id),
    rest: new Map<string, Route[]>(),
    http: new Map<string, Route[]>(),
  };
  const problems: SamError[] = [];
  const run = (resource: SamResource, type: string): void => {
    try {
      const transform = Object.hasOwn(transforms, type) ? transforms[type] : undefined;
      if (transform === undefined) {
        const known = Object.keys(transforms).join(", ");
        throw new SamError(resource.id, `${type} is not supported (these are: ${known})`);
      }
      transform(context, resource);
    } catch (error) {
      if (!(error instanceof SamError)) throw error;
      problems.push(error);
    }
  };
  const later: [SamResource, string][] = [];
  for (const [id, body] of Object.entries(source)) {
    const type = isMapping(body) ? String(body.Type) : "";
    if (!isMapping(body) || !type.startsWith("AWS::Serverless::")) {
      resources[id] ??= body;
      continue;
    }
    const shared = globals[type.slice("AWS::Serverless::".length)];
    const resource = { id, body, properties: withGlobals(shared, mappingOf(body.Properties)) };
    if (apis.includes(type)) later.push([resource, type]);
    else run(resource, type);
  }
  for (const [resource, type] of later) run(resource, type);
  for (const resource of implicitApis(context, globals)) {
    run(resource, resource.id === "ServerlessRestApi" ? "AWS::Serverless::Api" : "AWS::Serverless::HttpApi");
  }
  if (problems.length > 0) throw new TransformError(wordsOf(problems));
  const { Transform, Globals: _globals, ...others } = root;
  const left = [Transform ?? []].flat().filter((each) => each !== samTransform);
  const rest = left.length === 0 ? others : { ...others, Transform: left };
  return renamed({ ...rest, Resources: resources }, aliases) as Mapping;
}

/** In SAM's words. */
function wordsOf(problems: readonly SamError[]): string {
  const each = problems.map(({ logicalId, message }) => `Resource with id [${logicalId}] is invalid. ${message}`);
  return `Invalid Serverless Application Specification document. Number of errors found: ${problems.length}. ${each.join(" ")}`;
}
