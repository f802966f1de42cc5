import type { RestApiRecord } from "../../api-gateway/rest/records.ts";
import { apiView, checkSettings, newApi } from "./apis.ts";
import { apiOf, bad, type InApi, type RestCall, type RestContext } from "./context.ts";
import { type Imported, readOpenApi } from "./open-api.ts";

interface Document {
  readonly body: Uint8Array;
  readonly failOnWarnings?: boolean;
}

/** POST /restapis?mode=import: a new API of an OpenAPI or Swagger document. Nothing is deployed. */
export async function importRestApi(context: RestContext, { input, scope }: RestCall<Document>) {
  const document = await parsedBody(input.body);
  const draft = newApi(context, scope, { name: "-" });
  const imported = readOpenApi(document, draft);
  return kept(context, draft, imported, imported.live, input);
}

/** PUT /restapis/{id}: the API becomes what the document says, or (`merge`) has it in addition; stages and deployments stay. */
export async function putRestApi(
  context: RestContext,
  { input, scope }: RestCall<Document & InApi & { readonly mode?: string }>,
) {
  const document = await parsedBody(input.body);
  const record = apiOf(context, scope, input);
  const merge = input.mode !== "overwrite";
  const imported = readOpenApi(document, record, merge ? record.live : undefined);
  return kept(context, record, imported, imported.live, input);
}

function kept(
  context: RestContext,
  record: RestApiRecord,
  { settings, warnings }: Imported,
  live: RestApiRecord["live"],
  { failOnWarnings = false }: Document,
) {
  if (failOnWarnings && warnings.length > 0) throw bad(`Warnings found during import: ${warnings.join("; ")}`);
  const api = { ...record.api, ...settings };
  checkSettings(api);
  const changed = { ...record, api, live };
  context.rest.put(changed);
  return { ...apiView(changed), ...(warnings.length === 0 ? {} : { warnings }) };
}

/** JSON, or YAML. */
async function parsedBody(body: Uint8Array): Promise<unknown> {
  const text = Buffer.from(body).toString("utf8");
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text);
    const { parse } = await import("yaml");
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const why = (error as Error).message.slice(0, 200);
    throw bad(`Invalid OpenAPI input: the definition is neither JSON nor YAML: ${why}`);
  }
}
