import type { ApiRecord, Part } from "../../api-gateway/records.ts";
import { conflict, type GatewayContext, newId, oneOf } from "./context.ts";
import { type Operations, operationsOf, type Table } from "./tables.ts";

type Parts = Readonly<Record<string, Part>>;

/** What has nothing to it but its settings, and a name (`key`) that nothing else beside it may have. */
function partTable(
  name: string,
  id: string,
  key: string,
  where: Pick<Table<Part>, "owner" | "rows" | "keep">,
): Table<Part> {
  const check = (_record: ApiRecord, part: Part, parts: Parts): void => {
    const taken = Object.values(parts).some((other) => other[key] === part[key] && other[id] !== part[id]);
    if (taken) throw conflict(`${name} with ${key} ${part[key]} already exists`);
  };
  const make = (record: ApiRecord, settings: object, parts: Parts): Part => {
    const part = { ...settings, [id]: newId(7) };
    check(record, part, parts);
    return part;
  };
  return { name, id, ...where, make, check };
}

/** Responses of a route or an integration. */
const responsesOf = (owner: string, table: "routes" | "integrations", kind: string) => ({
  owner,
  rows(record: ApiRecord, ownerId: string): Parts {
    oneOf<object>(record.live[table], ownerId, kind);
    return record.responses[ownerId] ?? {};
  },
  keep: ({ apis }: GatewayContext, record: ApiRecord, ownerId: string, rows: Parts) =>
    apis.put({ ...record, responses: { ...record.responses, [ownerId]: rows } }),
});

const models = {
  rows: (record: ApiRecord): Parts => record.models,
  keep: ({ apis }: GatewayContext, record: ApiRecord, _owner: string, rows: Parts) =>
    apis.put({ ...record, models: rows }),
};

export const partOperations: Operations = {
  ...operationsOf(
    partTable("RouteResponse", "routeResponseId", "routeResponseKey", responsesOf("routeId", "routes", "Route")),
  ),
  ...operationsOf(
    partTable(
      "IntegrationResponse",
      "integrationResponseId",
      "integrationResponseKey",
      responsesOf("integrationId", "integrations", "Integration"),
    ),
  ),
  ...operationsOf(partTable("Model", "modelId", "name", models)),
};
