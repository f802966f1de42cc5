import {
  type BusRecord,
  type Entry,
  type EntryError,
  entryBytes,
  entryError,
  eventOf,
  mostEntryBytes,
  type NewBusEvent,
} from "../../../buses/index.ts";
import { accountIdentity, evaluate, parsePolicy } from "../../../policy/index.ts";
import type { Scope } from "../../../registry/index.ts";
import { type EventsOperation, invalid, placeOf } from "./context.ts";

/** Each entry for itself: what is wrong with one keeps no other from its bus. */
export const putEvents: EventsOperation<{ readonly Entries: readonly Entry[] }> = async ({ input, scope, context }) => {
  const { Entries: entries } = input;
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (bytes >= mostEntryBytes) throw invalid("Total size of the entries in the request is over the limit.");
  const now = context.clock();
  const accepted: { where: Scope & { bus: string }; event: NewBusEvent }[] = [];
  const results: (EntryError | undefined)[] = entries.map((entry) => {
    const where = placeOf(scope, entry.EventBusName);
    const record = context.buses.directory.bus(where, where.bus);
    const wrong = entryError(entry) ?? refusal(scope, where, record);
    if (wrong === undefined) accepted.push({ where, event: eventOf(entry, scope, now) });
    return wrong;
  });
  const ids = (await context.buses.put(accepted)).values();
  const Entries = results.map((wrong) => wrong ?? { EventId: ids.next().value });
  return { FailedEntryCount: results.filter((one) => one !== undefined).length, Entries };
};

/** A bus of another account is open to those that its policy names. */
function refusal(scope: Scope, where: Scope, record: BusRecord | undefined): EntryError | undefined {
  if (where.account === scope.account) return undefined;
  const { statements } = record?.policy === undefined ? { statements: [] } : parsePolicy(record.policy, "resource");
  const asked = {
    principal: accountIdentity(scope.account),
    action: "events:PutEvents",
    resource: record?.arn ?? "",
    context: {},
  };
  if (evaluate(statements, asked).decision === "allow") return undefined;
  return {
    ErrorCode: "AccessDeniedException",
    ErrorMessage: `User: arn:aws:iam::${scope.account}:root is not authorized to perform: events:PutEvents on resource: ${record?.arn ?? "the event bus"} because no resource-based policy allows the events:PutEvents action`,
  };
}
