import { ask } from "../client.ts";
import type { Connection } from "../settings.ts";

/** A resource of a stack, as DescribeStackResources tells of it. */
export interface StackResource {
  readonly type: string;
  readonly physicalId: string;
}

/** What may be called from outside: function URLs, the routes of HTTP APIs, the methods of each stage of REST APIs. */
export async function addresses(connection: Connection, resources: readonly StackResource[]): Promise<string[]> {
  const found: string[] = [];
  for (const { type, physicalId } of resources) {
    if (type === "AWS::Lambda::Url") found.push(await functionUrl(connection, physicalId));
    if (type === "AWS::ApiGatewayV2::Api") found.push(...(await httpRoutes(connection, physicalId)));
    if (type === "AWS::ApiGateway::RestApi") found.push(...(await restMethods(connection, physicalId)));
  }
  return found;
}

async function functionUrl(connection: Connection, id: string): Promise<string> {
  const name = id.split(":function:")[1] ?? id;
  const { FunctionUrl } = await get<{ FunctionUrl: string }>(
    connection,
    `/2021-10-31/functions/${encodeURIComponent(name)}/url`,
  );
  return FunctionUrl;
}

async function httpRoutes(connection: Connection, id: string): Promise<string[]> {
  const { items = [] } = await get<{ items?: { routeKey: string }[] }>(
    connection,
    `/v2/apis/${id}/routes`,
    "apigateway",
  );
  return items.map(({ routeKey }) => {
    const [method, path] = routeKey.startsWith("$") ? ["ANY", "/"] : routeKey.split(" ");
    return line(method!, `${origin(connection, id)}${path}`);
  });
}

interface RestResource {
  readonly path: string;
  readonly resourceMethods?: Readonly<Record<string, unknown>>;
}

/** OPTIONS is left out where it is only there for CORS: nobody calls it by hand. */
async function restMethods(connection: Connection, id: string): Promise<string[]> {
  const [{ item: stages = [] }, { item: resources = [] }] = await Promise.all([
    get<{ item?: { stageName: string }[] }>(connection, `/restapis/${id}/stages`, "apigateway"),
    get<{ item?: RestResource[] }>(connection, `/restapis/${id}/resources?limit=500`, "apigateway"),
  ]);
  const methods = resources
    .flatMap(({ path, resourceMethods = {} }) => Object.keys(resourceMethods).map((method) => ({ path, method })))
    .filter(({ method }, _, all) => method !== "OPTIONS" || all.every((each) => each.method === "OPTIONS"))
    .sort((one, other) => one.path.localeCompare(other.path) || one.method.localeCompare(other.method));
  // SAM gives every API a stage of this name that nobody has asked for.
  const shown = stages.filter(({ stageName }) => stageName !== "Stage" || stages.length === 1);
  return shown.flatMap(({ stageName }) =>
    methods.map(({ path, method }) => line(method, `${origin(connection, id)}/${stageName}${path}`)),
  );
}

const line = (method: string, url: string): string => `${method.padEnd(6)} ${url}`;

function origin({ endpoint, region }: Connection, id: string): string {
  const { protocol, port } = new URL(endpoint);
  return `${protocol}//${id}.execute-api.${region}.localhost:${port}`;
}

async function get<T>(connection: Connection, path: string, service?: string): Promise<T> {
  const answer = await ask(connection, { method: "GET", path, ...(service === undefined ? {} : { service }) });
  return JSON.parse(answer.body.toString()) as T;
}
