import { isDeepStrictEqual } from "node:util";
import { type Mapping, Unresolved } from "../templates/index.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Change, ResourceRecord } from "./records.ts";
import { type Handler, handlerOf } from "./resources/index.ts";
import type { Ready } from "./template.ts";

/** Names of properties that differ. */
export function differing(before: Mapping, after: Mapping): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Does a change of these properties take another resource? */
export const replaces = ({ replaces }: Pick<Handler, "replaces">, properties: readonly string[]): boolean =>
  properties.length > 0 && (replaces === "all" || properties.some((name) => replaces.includes(name)));

/** What an operation would do, as far as it can be told before. */
export function changesOf(
  ready: Ready,
  evaluation: Evaluation,
  current: Readonly<Record<string, ResourceRecord>>,
  tagsChange: boolean,
): Change[] {
  const changes: Change[] = [];
  const replaced = new Set<string>();
  for (const logicalId of ready.order) {
    if (!evaluation.has(logicalId)) continue;
    const { type } = ready.resources.get(logicalId)!;
    const record = current[logicalId];
    if (record === undefined) {
      changes.push({ action: "Add", logicalId, type, properties: [], tags: false });
      continue;
    }
    const change = changeOf(record, { type, value: evaluation.properties(logicalId) }, replaced, ready, tagsChange);
    if (change === undefined) continue;
    if (change.replacement === "True") replaced.add(logicalId);
    changes.push(change);
  }
  for (const record of Object.values(current)) {
    if (ready.resources.has(record.logicalId) && evaluation.has(record.logicalId)) continue;
    const { logicalId, type, physicalId } = record;
    changes.push({ action: "Remove", logicalId, type, physicalId, properties: [], tags: false });
  }
  return changes;
}

function changeOf(
  record: ResourceRecord,
  { type, value }: { readonly type: string; readonly value: Mapping | Unresolved },
  replaced: ReadonlySet<string>,
  ready: Ready,
  tagsChange: boolean,
): Change | undefined {
  const { logicalId, physicalId } = record;
  const base = { action: "Modify" as const, logicalId, physicalId, type };
  if (type !== record.type) return { ...base, replacement: "True", properties: [], tags: false };
  const handler = handlerOf(type);
  // It refers to something that is not there yet: what it will be is open.
  if (value instanceof Unresolved) return { ...base, replacement: "Conditional", properties: [], tags: false };
  const properties = differing(record.properties, value);
  const follows = ready.needs(logicalId).some((id) => replaced.has(id));
  if (properties.length === 0 && !follows) {
    return tagsChange && handler?.update !== undefined
      ? { ...base, replacement: "False", properties, tags: true }
      : undefined;
  }
  const whole = handler !== undefined && replaces(handler, properties);
  return { ...base, replacement: whole ? "True" : follows ? "Conditional" : "False", properties, tags: tagsChange };
}
