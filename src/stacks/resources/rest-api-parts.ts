// One resource of a REST API: what most of them have in common, and those that are more than that.
import { isMapping, type Mapping } from "../../templates/index.ts";
import { input, lower } from "./api-documents.ts";
import { type Existing, encoded, gone, type Handler, text, type Work, without } from "./handler.ts";

/** Patches of REST APIs: a member each. Source: API Gateway API Reference, "PatchOperation". */
export function patches(before: Mapping, after: Mapping): object {
  const scalar = (value: unknown): boolean => typeof value !== "object" || value === null;
  const named = (name: string, map: Mapping): [string, unknown][] =>
    Object.entries(map).map(([key, value]) => [`/${name}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, value]);
  const flat = (from: Mapping): Mapping =>
    Object.fromEntries(
      Object.entries(from).flatMap(([name, value]): [string, unknown][] =>
        scalar(value) ? [[`/${lower(name)}`, value]] : isMapping(value) ? named(lower(name), value) : [],
      ),
    );
  const [had, wished] = [flat(before), flat(after)];
  const replaced = Object.entries(wished).filter(([path, value]) => had[path] !== value);
  return {
    patchOperations: [
      ...replaced.map(([path, value]) => ({ op: "replace", path, value: text(value) })),
      ...gone(had, wished).map((path) => ({ op: "remove", path })),
    ],
  };
}

/** A resource of REST APIs. */
export function rest(options: {
  path(properties: Mapping): string;
  /** where it is, where that is not below what made it */
  readonly home?: (properties: Mapping) => string;
  /** what has to go before it */
  before?(work: Existing): Promise<void>;
  /** the member of the answer that names it; a PUT names it itself */
  readonly id?: string;
  readonly named?: (work: Work) => string;
  readonly replaces: readonly string[];
  readonly apart: readonly string[];
  made?(id: string, answer: Mapping): Mapping;
  more?(work: Work): Mapping;
}): Handler {
  const { id, named } = options;
  const own = (work: Existing): string =>
    id === undefined
      ? options.path(work.properties)
      : `${(options.home ?? options.path)(work.properties)}/${encoded(work.physicalId)}`;
  return {
    replaces: ["RestApiId", ...options.replaces],
    async create(work) {
      const path = options.path(work.properties);
      const document = { ...input(work.properties, "RestApiId", "Tags", ...options.apart), ...options.more?.(work) };
      const answer = await work.calls.rest("apigateway", id === undefined ? "PUT" : "POST", path, document);
      const physicalId = id === undefined ? (named?.(work) ?? work.name) : text(answer[id]);
      return { physicalId, attributes: options.made?.(physicalId, answer) ?? {} };
    },
    async update(work) {
      const apart = ["RestApiId", "Tags", ...options.apart];
      const path = own(work);
      if (id === undefined)
        await work.calls.rest("apigateway", "PUT", path, {
          ...input(work.properties, ...apart),
          ...options.more?.(work),
        });
      else {
        const changes = patches(without(work.before, ...apart), without(work.properties, ...apart)) as {
          patchOperations: unknown[];
        };
        if (changes.patchOperations.length > 0) await work.calls.rest("apigateway", "PATCH", path, changes);
      }
      return {};
    },
    async delete(work) {
      await options.before?.(work);
      await work.calls.rest("apigateway", "DELETE", own(work));
    },
  };
}

export const ofApi =
  (rest: string) =>
  ({ RestApiId }: Mapping): string =>
    `/restapis/${encoded(text(RestApiId))}${rest}`;
export const methodPath = ({ RestApiId, ResourceId, HttpMethod }: Mapping): string =>
  `/restapis/${encoded(text(RestApiId))}/resources/${encoded(text(ResourceId))}/methods/${text(HttpMethod)}`;

/** A method with its integration and the answers of both: four kinds of calls. */
export const method: Handler = {
  replaces: ["RestApiId", "ResourceId", "HttpMethod"],
  async create(work) {
    await putMethod(work);
    return {
      physicalId: [work.properties.RestApiId, work.properties.ResourceId, work.properties.HttpMethod]
        .map(text)
        .join("|"),
    };
  },
  async update(work) {
    await work.calls.rest("apigateway", "DELETE", methodPath(work.before));
    await putMethod(work);
    return {};
  },
  async delete({ calls, properties }) {
    await calls.rest("apigateway", "DELETE", methodPath(properties));
  },
};

async function putMethod({ calls, properties }: Work): Promise<void> {
  const path = methodPath(properties);
  const { Integration, MethodResponses } = properties;
  const own = input(properties, "RestApiId", "ResourceId", "HttpMethod", "Integration", "MethodResponses");
  await calls.rest("apigateway", "PUT", path, { authorizationType: "NONE", ...own });
  for (const each of Array.isArray(MethodResponses) ? MethodResponses.filter(isMapping) : []) {
    await calls.rest("apigateway", "PUT", `${path}/responses/${text(each.StatusCode)}`, input(each, "StatusCode"));
  }
  if (!isMapping(Integration)) return;
  const { IntegrationHttpMethod, IntegrationResponses, ...rest } = Integration;
  await calls.rest("apigateway", "PUT", `${path}/integration`, {
    ...input(rest),
    ...without({ httpMethod: IntegrationHttpMethod }),
  });
  for (const each of Array.isArray(IntegrationResponses) ? IntegrationResponses.filter(isMapping) : []) {
    await calls.rest(
      "apigateway",
      "PUT",
      `${path}/integration/responses/${text(each.StatusCode)}`,
      input(each, "StatusCode"),
    );
  }
}
