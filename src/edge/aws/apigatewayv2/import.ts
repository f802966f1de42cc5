import type { ApiRecord } from "../../api-gateway/records.ts";
import { apiView, checkCors, newApi } from "./apis.ts";
import { apiOf, bad, changeLive, type GatewayCall, type GatewayContext, type InApi } from "./context.ts";
import { type Imported, readOpenApi } from "./open-api.ts";

interface Document {
  readonly body: string;
  readonly failOnWarnings?: boolean;
}

/** PUT /v2/apis: a new API of an OpenAPI document. Its stages are made by themselves. */
export async function importApi(context: GatewayContext, { input, scope, origin }: GatewayCall<Document>) {
  const document = await parsedBody(input.body);
  const record = newApi(context, scope, { name: "-", protocolType: "HTTP" });
  const imported = checked(document, record, input);
  const { apis } = context;
  apis.put({ ...record, api: { ...record.api, ...imported.settings }, live: imported.live });
  return { ...apiView(apiOf(context, scope, record.api.apiId), origin), ...warningsOf(imported) };
}

/** PUT /v2/apis/{apiId}: the API becomes what the document says; its id, stages and deployments stay. */
export async function reimportApi(context: GatewayContext, { input, scope, origin }: GatewayCall<Document & InApi>) {
  const document = await parsedBody(input.body);
  const record = apiOf(context, scope, input.apiId);
  if (record.api.protocolType !== "HTTP") throw bad("Only HTTP APIs can be imported");
  const imported = checked(document, record, input);
  const { corsConfiguration: _old, description: _older, version: _oldest, ...kept } = record.api;
  changeLive(context, { ...record, api: { ...kept, ...imported.settings }, responses: {} }, imported.live);
  return { ...apiView(apiOf(context, scope, input.apiId), origin), ...warningsOf(imported) };
}

function checked(document: unknown, record: ApiRecord, { failOnWarnings = false }: Document): Imported {
  const imported = readOpenApi(document, record);
  checkCors({ ...imported.settings, protocolType: "HTTP" });
  if (failOnWarnings && imported.warnings.length > 0) {
    throw bad(`Warnings found during import: ${imported.warnings.join("; ")}`);
  }
  return imported;
}

const warningsOf = ({ warnings }: Imported) => (warnings.length === 0 ? {} : { importInfo: warnings });

/** JSON, or YAML. */
async function parsedBody(body: string): Promise<unknown> {
  try {
    if (/^\s*\{/.test(body)) return JSON.parse(body);
    const { parse } = await import("yaml");
    return parse(body, { maxAliasCount: 100 });
  } catch (error) {
    throw bad(`Unable to import: the definition is neither JSON nor YAML: ${(error as Error).message.slice(0, 200)}`);
  }
}
