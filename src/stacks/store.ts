import { createHash, randomUUID } from "node:crypto";
import type { Named, NamedDocument } from "../registry/index.ts";
import type { ChangeSetRecord, EventRecord, StackRecord, TemplateRecord } from "./records.ts";

/** Where stacks, their templates, events and change sets are kept. */
export interface StackStore {
  /** by name (the one that is not deleted) or ARN */
  find(account: string, region: string, nameOrId: string): StackRecord | undefined;
  list(account: string, region: string): readonly StackRecord[];
  everything(): Iterable<StackRecord>;
  put(stack: StackRecord): void;
  remove(stack: StackRecord): void;
  /** keeps a template's text and gives the name that it is found by */
  keep(account: string, text: string): string;
  text(account: string, name: string): string;
  event(stack: StackRecord, event: Omit<EventRecord, "account" | "name" | "id" | "stackId" | "stackName">): void;
  /** newest first */
  events(stack: StackRecord): readonly EventRecord[];
  changeSets(stack: StackRecord): readonly ChangeSetRecord[];
  changeSet(account: string, region: string, nameOrId: string, stack?: string): ChangeSetRecord | undefined;
  putChangeSet(set: ChangeSetRecord): void;
  removeChangeSet(set: ChangeSetRecord): void;
}

/** Days that a deleted stack and its events can still be asked for. Source: ListStacks, "up to 90 days after". */
const rememberedDays = 90;

export function createStackStore(
  named: <T extends NamedDocument>(kind: string) => Named<T>,
  clock: () => number,
): StackStore {
  const stacks = named<StackRecord>("stack");
  const templates = named<TemplateRecord>("stack-template");
  const eventDocuments = named<EventRecord>("stack-event");
  const sets = named<ChangeSetRecord>("change-set");

  const uuidOf = (stack: StackRecord): string => stack.id.split("/").at(-1)!;
  const eventsOf = new Map<string, EventRecord[]>();
  for (const event of eventDocuments.everything()) {
    const uuid = event.name.split("/")[0]!;
    const list = eventsOf.get(uuid) ?? [];
    list.push(event);
    eventsOf.set(uuid, list);
  }
  for (const list of eventsOf.values()) list.sort((one, other) => (one.name < other.name ? -1 : 1));

  const list: StackStore["list"] = (account, region) => stacks.list(account).filter((stack) => stack.region === region);
  const store: StackStore = {
    list,
    everything: stacks.everything,
    find(account, region, nameOrId) {
      const all = list(account, region);
      if (nameOrId.startsWith("arn:")) return all.find(({ id }) => id === nameOrId);
      return all.find(({ stackName, status }) => stackName === nameOrId && status !== "DELETE_COMPLETE");
    },
    put: stacks.put,
    remove(stack) {
      stacks.remove(stack.account, stack.name);
      for (const event of eventsOf.get(uuidOf(stack)) ?? []) eventDocuments.remove(event.account, event.name);
      eventsOf.delete(uuidOf(stack));
      for (const set of store.changeSets(stack)) store.removeChangeSet(set);
    },
    keep(account, text) {
      const name = createHash("sha256").update(text).digest("hex");
      if (templates.get(account, name) === undefined) templates.put({ account, name, text });
      return name;
    },
    text: (account, name) => templates.get(account, name)?.text ?? "",
    event(stack, event) {
      const uuid = uuidOf(stack);
      const known = eventsOf.get(uuid) ?? [];
      const { account, id: stackId, stackName } = stack;
      const name = `${uuid}/${String(known.length).padStart(8, "0")}`;
      const record = { ...event, account, name, id: randomUUID(), stackId, stackName };
      eventDocuments.put(record);
      known.push(record);
      eventsOf.set(uuid, known);
    },
    events: (stack) => [...(eventsOf.get(uuidOf(stack)) ?? [])].reverse(),
    changeSets: (stack) => sets.list(stack.account).filter(({ stackId }) => stackId === stack.id),
    changeSet(account, region, nameOrId, stack) {
      const all = sets.list(account).filter((set) => set.region === region);
      if (nameOrId.startsWith("arn:")) return all.find(({ id }) => id === nameOrId);
      const of = stack === undefined ? undefined : store.find(account, region, stack);
      return all.find(({ changeSetName, stackId }) => changeSetName === nameOrId && stackId === of?.id);
    },
    putChangeSet: sets.put,
    removeChangeSet: (set) => sets.remove(set.account, set.name),
  };
  forget(store, stacks.everything(), clock());
  return store;
}

function forget(store: StackStore, all: Iterable<StackRecord>, now: number): void {
  const old = [...all].filter(({ deleted }) => deleted !== undefined && now - deleted > rememberedDays * 86_400_000);
  for (const stack of old) store.remove(stack);
}
