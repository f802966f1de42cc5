import type { RestApiRecord, RestMethod, RestResource } from "../../api-gateway/rest/records.ts";
import {
  apiOf,
  bad,
  changeLive,
  conflict,
  given,
  type InApi,
  type InMethod,
  type InResource,
  methodOf,
  newId,
  oneOf,
  type Paged,
  type Patches,
  page,
  putMethodIn,
  putResource,
  type RestCall,
  type RestContext,
  refusal,
  resourceOf,
  without,
} from "./context.ts";
import { patched } from "./patch.ts";

type Status = { readonly statusCode: string };
type Embedding = { readonly embed?: readonly string[] };

export function createResource(
  context: RestContext,
  { input, scope }: RestCall<InApi & { readonly parentId: string; readonly pathPart: string }>,
) {
  const record = apiOf(context, scope, input);
  const resource = newResource(record, oneOf(record.live.resources, input.parentId, "Resource"), input.pathPart);
  putResource(context, record, resource);
  return resource;
}

/** Throws BadRequestException and ConflictException. */
export function newResource({ live }: RestApiRecord, parent: RestResource, pathPart: string): RestResource {
  if (!/^(?:[\w.~:@!$&'()*+,;=%-]+|\{[\w.-]+\+?\})$/.test(pathPart)) {
    throw bad(
      "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.",
    );
  }
  if (/\+\}$/.test(parent.pathPart ?? ""))
    throw bad(`Cannot create a child of a resource with a greedy path variable: ${parent.path}`);
  checkSiblings(live.resources, parent.id, pathPart, undefined);
  return { id: newId(6), parentId: parent.id, pathPart, path: `${parent.path === "/" ? "" : parent.path}/${pathPart}` };
}

function checkSiblings(
  resources: Readonly<Record<string, RestResource>>,
  parentId: string | undefined,
  pathPart: string,
  own: string | undefined,
): void {
  for (const sibling of Object.values(resources)) {
    if (sibling.parentId !== parentId || sibling.parentId === undefined || sibling.id === own) continue;
    if (sibling.pathPart === pathPart) {
      throw conflict(`Another resource with the same parent already has this name: ${pathPart}`);
    }
    const isVariable = (part = "") => part.startsWith("{") && part.endsWith("+}") === pathPart.endsWith("+}");
    if (pathPart.startsWith("{") && isVariable(sibling.pathPart)) {
      throw bad(
        `A sibling (${sibling.pathPart}) of this resource already has a variable path part -- only one is allowed`,
      );
    }
  }
}

export function getResource(context: RestContext, { input, scope }: RestCall<InResource & Embedding>) {
  return resourceView(resourceOf(apiOf(context, scope, input), input), input);
}

export function getResources(context: RestContext, { input, scope }: RestCall<InApi & Paged & Embedding>) {
  const { resources } = apiOf(context, scope, input).live;
  return page(
    Object.values(resources).map((resource) => resourceView(resource, input)),
    input,
  );
}

/** Only the names of methods are shown, unless `embed=methods` asks for all of them. */
function resourceView(resource: RestResource, { embed }: Embedding) {
  const { resourceMethods } = resource;
  if (resourceMethods === undefined || embed?.includes("methods")) return resource;
  return { ...resource, resourceMethods: Object.fromEntries(Object.keys(resourceMethods).map((name) => [name, {}])) };
}

export function updateResource(context: RestContext, { input, scope }: RestCall<InResource & Patches>) {
  const record = apiOf(context, scope, input);
  const old = resourceOf(record, input);
  const changed = patched("Resource", old, input, ["id", "path", "resourceMethods"]);
  if (old.parentId === undefined) throw bad("Root resource cannot be updated");
  const others = without(record.live.resources, old.id);
  const parent = oneOf(others, changed.parentId ?? "", "Resource");
  const { path } = newResource(
    { ...record, live: { ...record.live, resources: others } },
    parent,
    changed.pathPart ?? "",
  );
  if (path.startsWith(`${old.path}/`)) throw bad("A resource cannot be moved below itself");
  const moved = Object.values(record.live.resources).map((one): [string, RestResource] => {
    if (one.id === old.id) return [one.id, { ...changed, path }];
    return [
      one.id,
      one.path.startsWith(`${old.path}/`) ? { ...one, path: path + one.path.slice(old.path.length) } : one,
    ];
  });
  changeLive(context, record, { resources: Object.fromEntries(moved) });
  return { ...changed, path };
}

export function deleteResource(context: RestContext, { input, scope }: RestCall<InResource>): undefined {
  const record = apiOf(context, scope, input);
  const { path, parentId } = resourceOf(record, input);
  if (parentId === undefined) throw bad("Root resource cannot be deleted");
  const left = Object.entries(record.live.resources).filter(
    ([id, one]) => id !== input.resourceId && !one.path.startsWith(`${path}/`),
  );
  changeLive(context, record, { resources: Object.fromEntries(left) });
  return undefined;
}

const methodNames = /^(?:ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT)$/;

export function putMethod(context: RestContext, { input, scope }: RestCall<InMethod & Partial<RestMethod>>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  if (Object.hasOwn(resource.resourceMethods ?? {}, input.httpMethod)) {
    throw conflict("Method already exists for this resource");
  }
  const method = newMethod(record, given(input, "restApiId", "resourceId"));
  putMethodIn(context, record, resource, method);
  return method;
}

/** Throws BadRequestException and NotFoundException. */
export function newMethod(
  record: RestApiRecord,
  input: Partial<RestMethod> & { readonly httpMethod: string },
): RestMethod {
  const method: RestMethod = {
    ...input,
    authorizationType: input.authorizationType ?? "NONE",
    apiKeyRequired: input.apiKeyRequired ?? false,
  };
  checkMethod(record, method);
  return method;
}

function checkMethod({ live }: RestApiRecord, method: RestMethod): void {
  const { httpMethod, authorizationType: type, authorizerId, requestValidatorId, requestParameters } = method;
  if (!methodNames.test(httpMethod)) {
    throw bad("Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
  }
  if (!["NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS", "JWT"].includes(type)) {
    throw bad(
      "Invalid authorizer type specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.",
    );
  }
  if (type !== "NONE" && type !== "AWS_IAM" && !Object.hasOwn(live.authorizers, authorizerId ?? "")) {
    throw bad(
      "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.",
    );
  }
  if (
    requestValidatorId !== undefined &&
    requestValidatorId !== "" &&
    !Object.hasOwn(live.validators, requestValidatorId)
  ) {
    throw bad("Invalid Request Validator identifier specified");
  }
  for (const name of Object.keys(requestParameters ?? {})) {
    if (!/^method\.request\.(?:header|querystring|path|multivalueheader|multivaluequerystring)\..+$/.test(name)) {
      throw bad(
        `Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: ${name}]`,
      );
    }
  }
}

export function getMethod(context: RestContext, { input, scope }: RestCall<InMethod>) {
  return methodOf(resourceOf(apiOf(context, scope, input), input), input);
}

export function updateMethod(context: RestContext, { input, scope }: RestCall<InMethod & Patches>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const fixed = ["httpMethod", "methodResponses", "methodIntegration"];
  const changed = patched("Method", methodOf(resource, input), input, fixed);
  const method = {
    ...changed,
    authorizationType: changed.authorizationType ?? "NONE",
    apiKeyRequired: changed.apiKeyRequired ?? false,
  };
  checkMethod(record, method);
  putMethodIn(context, record, resource, method);
  return method;
}

export function deleteMethod(context: RestContext, { input, scope }: RestCall<InMethod>): undefined {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  methodOf(resource, input);
  putResource(context, record, {
    ...resource,
    resourceMethods: without(resource.resourceMethods ?? {}, input.httpMethod),
  });
  return undefined;
}

export function putMethodResponse(context: RestContext, { input, scope }: RestCall<InMethod & Status>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const method = methodOf(resource, input);
  if (Object.hasOwn(method.methodResponses ?? {}, input.statusCode)) {
    throw conflict("Response already exists for this resource");
  }
  const response = given(input, "restApiId", "resourceId", "httpMethod");
  putMethodIn(context, record, resource, {
    ...method,
    methodResponses: { ...method.methodResponses, [input.statusCode]: response },
  });
  return response;
}

export function getMethodResponse(context: RestContext, { input, scope }: RestCall<InMethod & Status>) {
  return responseOf(methodOf(resourceOf(apiOf(context, scope, input), input), input), input);
}

export function updateMethodResponse(context: RestContext, { input, scope }: RestCall<InMethod & Status & Patches>) {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const method = methodOf(resource, input);
  const response = patched("MethodResponse", responseOf(method, input), input, ["statusCode"]);
  putMethodIn(context, record, resource, {
    ...method,
    methodResponses: { ...method.methodResponses, [input.statusCode]: response },
  });
  return response;
}

export function deleteMethodResponse(context: RestContext, { input, scope }: RestCall<InMethod & Status>): undefined {
  const record = apiOf(context, scope, input);
  const resource = resourceOf(record, input);
  const method = methodOf(resource, input);
  responseOf(method, input);
  putMethodIn(context, record, resource, {
    ...method,
    methodResponses: without(method.methodResponses ?? {}, input.statusCode),
  });
  return undefined;
}

function responseOf({ methodResponses = {} }: RestMethod, { statusCode }: Status): object {
  const found = Object.hasOwn(methodResponses, statusCode) ? methodResponses[statusCode] : undefined;
  if (found === undefined) throw refusal("NotFoundException", "Invalid Response status code specified");
  return found;
}
