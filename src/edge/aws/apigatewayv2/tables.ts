import type { ApiRecord, Definition } from "../../api-gateway/records.ts";
import {
  apiOf,
  changeLive,
  type GatewayCall,
  type GatewayContext,
  given,
  type InApi,
  oneOf,
  type Paged,
  page,
  without,
} from "./context.ts";

type Input = InApi & Readonly<Record<string, string>>;
type Rows<Row> = Readonly<Record<string, Row>>;

/** Operations by their names. */
export type Operations = Readonly<
  Record<string, (context: GatewayContext, call: GatewayCall<never>) => object | undefined>
>;

/** Things of one kind that an API has any number of, each under an id. */
export interface Table<Row extends object> {
  /** `RouteResponse`, as operations call it */
  readonly name: string;
  /** the member of a row, and of requests, that is its id */
  readonly id: string;
  /** the member of requests that says what of the API the rows belong to; left out: the API itself */
  readonly owner?: string | undefined;
  /** Throws NotFoundException where there is no such owner. */
  rows(record: ApiRecord, ownerId: string): Rows<Row>;
  /** Writes them. */
  keep(context: GatewayContext, record: ApiRecord, ownerId: string, rows: Rows<Row>): void;
  /** A new row of a request's settings. Throws BadRequestException, ConflictException. */
  make(record: ApiRecord, settings: object, rows: Rows<Row>): Row;
  /** A changed row must be right, too. Throws the same. */
  check(record: ApiRecord, row: Row, rows: Rows<Row>): void;
  /** A changed row as it is to be kept; left out: as it is. */
  settled?(row: Row): Row;
  /** The API without what goes with a row. Throws ConflictException while it is needed. */
  release?(record: ApiRecord, id: string): ApiRecord;
}

/** Of what answers requests: rows that stages get with the next deployment. */
export const inDefinition = <Name extends keyof Definition>(name: Name) => ({
  rows: ({ live }: ApiRecord): Definition[Name] => live[name],
  keep: (context: GatewayContext, record: ApiRecord, _owner: string, rows: Definition[Name]) =>
    changeLive(context, record, { ...record.live, [name]: rows }),
});

/** Create, Get, Update, Delete and list. */
export function operationsOf<Row extends object>(table: Table<Row>): Operations {
  const { name, id, owner } = table;
  const open = (context: GatewayContext, { input, scope }: GatewayCall<Input>) => {
    const record = apiOf(context, scope, input.apiId);
    const ownerId = owner === undefined ? "" : input[owner]!;
    const rows = table.rows(record, ownerId);
    const keep = (changed: Rows<Row>, api = record) => table.keep(context, api, ownerId, changed);
    return { record, rows, keep, settings: given(input, "apiId", id, owner ?? "apiId") };
  };
  return {
    [`Create${name}`](context, call: GatewayCall<Input>) {
      const { record, rows, keep, settings } = open(context, call);
      const row = table.make(record, settings, rows);
      keep({ ...rows, [(row as Record<string, unknown>)[id] as string]: row });
      return row;
    },
    [`Get${name}`](context, call: GatewayCall<Input>) {
      return oneOf(open(context, call).rows, call.input[id]!, name);
    },
    [`Get${name}s`](context, call: GatewayCall<Input & Paged>) {
      return page(Object.values(open(context, call).rows), call.input);
    },
    [`Update${name}`](context, call: GatewayCall<Input>) {
      const { record, rows, keep, settings } = open(context, call);
      const changed = { ...oneOf(rows, call.input[id]!, name), ...settings };
      const row = table.settled?.(changed) ?? changed;
      table.check(record, row, rows);
      keep({ ...rows, [call.input[id]!]: row });
      return row;
    },
    [`Delete${name}`](context, call: GatewayCall<Input>) {
      const { record, rows, keep } = open(context, call);
      oneOf(rows, call.input[id]!, name);
      keep(without(rows, call.input[id]!), table.release?.(record, call.input[id]!));
      return undefined;
    },
  };
}
