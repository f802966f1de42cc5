// What HTTP, WebSocket and REST APIs have in common.
import { isMapping, type Mapping } from "../../templates/index.ts";
import { documentText, encoded, type Handler, tagsOf, text, type Work, without } from "./handler.ts";

/** Members whose keys are the customer's, not the API's. */
const foreign = new Set([
  "RequestParameters",
  "RequestTemplates",
  "ResponseParameters",
  "ResponseTemplates",
  "RequestModels",
  "ResponseModels",
  "StageVariables",
  "Variables",
  "Tags",
  "RouteSettings",
  "TemplateSelectionExpression",
  "Parameters",
]);

/** API Gateway's members are CloudFormation's with a small first letter. */
export function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [lower(key), foreign.has(key) ? each : camel(each)]),
  );
}
export const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
export const input = (properties: Mapping, ...apart: string[]): Mapping =>
  camel(without(properties, ...apart)) as Mapping;

/** A description: in the template, or an object in S3. */
export async function bodyOf({ properties, calls }: Work): Promise<string | undefined> {
  const { Body, BodyS3Location } = properties;
  if (Body !== undefined) return documentText(Body);
  if (!isMapping(BodyS3Location)) return undefined;
  const { Bucket, Key, Version } = BodyS3Location;
  const key = text(Key).split("/").map(encoded).join("/");
  const version = Version === undefined ? "" : `?versionId=${encoded(text(Version))}`;
  return (await calls.raw({ service: "s3", method: "GET", path: `/${text(Bucket)}/${key}${version}` })).body;
}

/** A resource that stands at the top: of it only creation, change and end. */
export function standing(
  collection: string,
  property: string,
  replaces: readonly string[],
  attributes: (answer: Mapping) => Mapping,
): Handler {
  const path = (id: string): string => `${collection}/${encoded(id)}`;
  return {
    replaces: [property, ...replaces],
    async create(work) {
      const answer = await work.calls.rest("apigateway", "POST", collection, {
        ...input(work.properties, "Tags"),
        tags: tagsOf(work),
      });
      return { physicalId: text(answer[lower(property)] ?? work.properties[property]), attributes: attributes(answer) };
    },
    async update(work) {
      const answer = await work.calls.rest(
        "apigateway",
        "PATCH",
        path(work.physicalId),
        input(work.properties, "Tags", property),
      );
      return { attributes: attributes(answer) };
    },
    async delete({ calls, physicalId }) {
      await calls.rest("apigateway", "DELETE", path(physicalId));
    },
  };
}
