import { type Aggregate, aggregateOf, callsIn } from "./aggregate.ts";
import { evaluate, type Moment, type Row } from "./evaluate.ts";
import { discover, type EventRow } from "./event-fields.ts";
import type { Column, Command, Expression, Query } from "./query.ts";
import { compare, isTrue, textOf, type Value } from "./values.ts";

export interface ResultField {
  readonly field: string;
  readonly value: string;
}

export interface QueryResult {
  readonly results: readonly (readonly ResultField[])[];
  /** events that the query's filters let through */
  readonly matched: number;
}

/** A row of the table that commands work on: an event, or a group of them. */
interface TableRow extends Row {
  /** what commands have added */
  readonly values: Map<string, Value>;
  readonly isEvent: boolean;
}

interface Table {
  rows: TableRow[];
  /** columns to show; undefined: nobody has said */
  shown: string[] | undefined;
  /** events that were let through, once they are groups */
  matched: number | undefined;
}

export interface RunOptions extends Moment {
  readonly limit: number;
}

/** Most characters of all results together. */
const mostCharacters = 24 * 1024 * 1024;

/** Runs a query over events. Newest first, unless it sorts. */
export function runQuery(query: Query, events: readonly EventRow[], options: RunOptions): QueryResult {
  const order = (one: EventRow, other: EventRow) => other.timestamp - one.timestamp || other.number - one.number;
  const rows = events.toSorted(order).map(rowOf);
  const table: Table = { rows, shown: undefined, matched: undefined };
  for (const command of query) apply(table, command, options);
  const matched = table.matched ?? table.rows.length;
  const shown = table.shown ?? ["@timestamp", "@message"];
  const results: ResultField[][] = [];
  let characters = 0;
  for (const row of table.rows.slice(0, options.limit)) {
    const fields = shownOf(row, shown);
    characters += fields.reduce((sum, { value }) => sum + value.length, 0);
    if (characters > mostCharacters) break;
    results.push(fields);
  }
  return { results, matched };
}

function shownOf(row: TableRow, shown: readonly string[]): ResultField[] {
  const names = row.isEvent && !shown.includes("@ptr") ? [...shown, "@ptr"] : shown;
  return names.flatMap((field) => {
    const value = textOf(evaluate({ kind: "field", name: field, text: field }, row, { now: 0 }));
    return value === undefined ? [] : [{ field, value }];
  });
}

function rowOf(event: EventRow): TableRow {
  const values = new Map<string, Value>();
  const fields = discover(event);
  return { values, isEvent: true, get: (name) => values.get(name) ?? fields.get(name) };
}

function apply(table: Table, command: Command, moment: Moment): void {
  switch (command.kind) {
    case "fields":
    case "display":
      show(table, command.columns, command.kind === "display", moment);
      return;
    case "filter":
      table.rows = table.rows.filter((row) => isTrue(evaluate(command.condition, row, moment)));
      return;
    case "parse":
      for (const row of table.rows) parseInto(row, command, moment);
      return;
    case "stats":
      group(table, command, moment);
      return;
    case "sort":
      sort(table, command.by, moment);
      return;
    case "limit":
      table.rows = table.rows.slice(0, command.most);
      return;
    case "dedup":
      dedup(table, command.by, moment);
      return;
  }
}

function show(table: Table, columns: readonly Column[], only: boolean, moment: Moment): void {
  for (const row of table.rows) {
    for (const { name, of } of columns)
      if (of.kind !== "field" || of.name !== name) row.values.set(name, valueIn(of, row, moment));
  }
  const names = columns.map(({ name }) => name);
  // What stats have made stays beside what is reckoned from it.
  table.shown = [...new Set(only ? names : [...(table.shown ?? []), ...names])];
}

/** A column of stats is called by what it was written as: `sort count(*)`. */
function valueIn(expression: Expression, row: TableRow, moment: Moment): Value {
  if (expression.kind !== "field" && !row.isEvent) {
    const column = columnNamed(row, expression.text);
    if (column !== undefined) return column;
  }
  return evaluate(expression, row, moment);
}

const plain = (text: string): string => text.replace(/\s+/g, "").toLowerCase();

function columnNamed(row: TableRow, text: string): Value {
  const wanted = plain(text);
  for (const [name, value] of row.values) if (plain(name) === wanted) return value;
  return undefined;
}

function parseInto(row: TableRow, { of, pattern, names }: Extract<Command, { kind: "parse" }>, moment: Moment): void {
  const text = textOf(evaluate(of, row, moment));
  const found = text === undefined ? null : pattern.exec(text);
  if (found === null) return;
  for (const [index, name] of names.entries()) {
    const value = found.groups?.[name] ?? (found.groups === undefined ? found[index + 1] : undefined);
    if (value !== undefined) row.values.set(name, value);
  }
}

function sort(table: Table, by: Extract<Command, { kind: "sort" }>["by"], moment: Moment): void {
  const keyed = table.rows.map((row) => ({ row, keys: by.map(({ of }) => valueIn(of, row, moment)) }));
  keyed.sort((one, other) => {
    for (const [index, { descending }] of by.entries()) {
      const order = compare(one.keys[index], other.keys[index]);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
  table.rows = keyed.map(({ row }) => row);
}

/** The first of each stays. Where one of the fields is not there, nothing is alike. */
function dedup(table: Table, by: readonly Expression[], moment: Moment): void {
  const seen = new Set<string>();
  table.rows = table.rows.filter((row) => {
    const values = by.map((one) => textOf(valueIn(one, row, moment)));
    if (values.includes(undefined)) return true;
    const key = JSON.stringify(values);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

interface Group {
  readonly keys: readonly Value[];
  readonly parts: ReadonlyMap<Expression, Aggregate>;
}

function group(table: Table, { columns, by }: Extract<Command, { kind: "stats" }>, moment: Moment): void {
  const calls = columns.flatMap(({ of }) => callsIn(of));
  const open = (keys: readonly Value[]): Group => ({
    keys,
    parts: new Map(calls.map((call) => [call, aggregateOf(call, moment)])),
  });
  const groups = new Map<string, Group>();
  // Without `by` there is one group, though it be empty.
  if (by.length === 0) groups.set("[]", open([]));
  for (const row of table.rows) {
    const keys = by.map(({ of }) => valueIn(of, row, moment));
    const key = JSON.stringify(keys.map((one) => textOf(one) ?? null));
    const found = groups.get(key) ?? open(keys);
    groups.set(key, found);
    for (const part of found.parts.values()) part.add(row);
  }
  table.matched ??= table.rows.length;
  table.rows = [...groups.values()].map((one) => groupRow(one, columns, by, moment));
  table.shown = [...by, ...columns].map(({ name }) => name);
}

function groupRow({ keys, parts }: Group, columns: readonly Column[], by: readonly Column[], moment: Moment): TableRow {
  const values = new Map<string, Value>(by.map(({ name }, index) => [name, keys[index]]));
  const get = (name: string): Value => values.get(name);
  const whole: Row = { get, aggregate: (call) => parts.get(call)?.value() };
  // One after the other: a later one may reckon with the name of an earlier one.
  for (const { name, of } of columns) values.set(name, evaluate(of, whole, moment));
  return { values, isEvent: false, get };
}
