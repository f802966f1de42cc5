import type { ApiRecord, Part } from "../../api-gateway/records.ts";
import {
  apiOf,
  conflict,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  newId,
  oneOf,
  type Paged,
  page,
  without,
} from "./context.ts";

type Input = InApi & Readonly<Record<string, string>>;
type Operations = Readonly<Record<string, (context: GatewayContext, call: GatewayCall<never>) => object | undefined>>;

/** What belongs to a route or an integration, or to the API itself, and has nothing to it but its name and its settings. */
interface Kind {
  /** `RouteResponse`, as operations call it */
  readonly name: string;
  /** its id and the name that nothing else beside it may have */
  readonly id: string;
  readonly key: string;
  /** of what it belongs to, and where that is; undefined: to the API */
  readonly owner: { readonly id: string; exists(record: ApiRecord, id: string): unknown } | undefined;
}

const kinds: readonly Kind[] = [
  {
    name: "RouteResponse",
    id: "routeResponseId",
    key: "routeResponseKey",
    owner: { id: "routeId", exists: (record, id) => oneOf(record.live.routes, id, "Route") },
  },
  {
    name: "IntegrationResponse",
    id: "integrationResponseId",
    key: "integrationResponseKey",
    owner: { id: "integrationId", exists: (record, id) => oneOf(record.live.integrations, id, "Integration") },
  },
  { name: "Model", id: "modelId", key: "name", owner: undefined },
];

/** Create, Get, Update, Delete and list each of them. */
export const partOperations: Operations = Object.fromEntries(
  kinds.flatMap((kind) => Object.entries(operationsOf(kind))),
);

function operationsOf({ name, id, key, owner }: Kind): Operations {
  const open = (context: GatewayContext, { input, scope }: GatewayCall<Input>) => {
    const record = apiOf(context, scope, input.apiId);
    const ownerId = owner === undefined ? undefined : input[owner.id]!;
    if (ownerId !== undefined) owner?.exists(record, ownerId);
    const table = ownerId === undefined ? record.models : (record.responses[ownerId] ?? {});
    const put = (changed: Readonly<Record<string, Part>>) =>
      context.apis.put(
        ownerId === undefined
          ? { ...record, models: changed }
          : { ...record, responses: { ...record.responses, [ownerId]: changed } },
      );
    return { table, put, settings: given(input, "apiId", id, owner?.id ?? "apiId") as Part };
  };
  const checkKey = (table: Readonly<Record<string, Part>>, part: Part) => {
    const taken = Object.values(table).some((other) => other[key] === part[key] && other[id] !== part[id]);
    if (taken) throw conflict(`${name} with ${key} ${part[key]} already exists`);
  };
  return {
    [`Create${name}`](context, call: GatewayCall<Input>) {
      const { table, put, settings } = open(context, call);
      const part = { ...settings, [id]: newId(7) };
      checkKey(table, part);
      put({ ...table, [part[id] as string]: part });
      return part;
    },
    [`Get${name}`](context, call: GatewayCall<Input>) {
      return oneOf(open(context, call).table, call.input[id]!, name);
    },
    [`Get${name}s`](context, call: GatewayCall<Input & Paged>) {
      return page(Object.values(open(context, call).table), call.input);
    },
    [`Update${name}`](context, call: GatewayCall<Input>) {
      const { table, put, settings } = open(context, call);
      const part = { ...oneOf(table, call.input[id]!, name), ...settings };
      checkKey(table, part);
      put({ ...table, [call.input[id]!]: part });
      return part;
    },
    [`Delete${name}`](context, call: GatewayCall<Input>) {
      const { table, put } = open(context, call);
      oneOf(table, call.input[id]!, name);
      put(without(table, call.input[id]!));
      return undefined;
    },
  };
}
