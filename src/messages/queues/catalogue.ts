import { MessageRefusal } from "../refusal.ts";
import type { MessageStore } from "../store.ts";
import { type Attributes, checkAttribute, checkTogether, defaultsOf, type Settings, settingsOf } from "./attributes.ts";
import { checkRedrive } from "./redrive.ts";

/** Whose queue it is, and where. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** A queue as its owner sees it. */
export interface QueueRecord extends Place {
  readonly name: string;
  /** as they were set; what nobody set has its default */
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
  /** seconds since the epoch */
  readonly created: number;
  readonly modified: number;
}

export interface Queue {
  readonly record: QueueRecord;
  readonly settings: Settings;
  /** of its rows */
  readonly number: number;
}

export const arnOf = ({ account, region, name }: Place & { readonly name: string }): string =>
  `arn:aws:sqs:${region}:${account}:${name}`;

export const noQueue = () => new MessageRefusal("QueueDoesNotExist", "The specified queue does not exist.");

/** What queues there are. Definitions are in memory, and written before they count. */
export interface Catalogue {
  find(place: Place, name: string): Queue | undefined;
  /** Throws QueueDoesNotExist. */
  get(place: Place, name: string): Queue;
  byArn(arn: string): Queue | undefined;
  byNumber(number: number): Queue | undefined;
  /** By name. */
  list(place: Place): Queue[];
  everything(): Iterable<Queue>;
  create(place: Place, name: string, given: Attributes, tags: Readonly<Record<string, string>>): Queue;
  setAttributes(queue: Queue, given: Attributes): void;
  setTags(queue: Queue, tags: Readonly<Record<string, string>>): void;
  /** Its messages go with it. */
  remove(queue: Queue): void;
  /** All messages of before are gone. */
  purge(queue: Queue): void;
  /** Reads everything anew. */
  reload(): void;
}

const keyOf = ({ account, region }: Place, name: string): string => `${region}/${account}/${name}`;

export function createCatalogue({ store, clock }: { store: MessageStore; clock(): number }): Catalogue {
  const byKey = new Map<string, Queue>();
  const byNumber = new Map<number, Queue>();

  function know(number: number, record: QueueRecord): Queue {
    const fifo = record.name.endsWith(".fifo");
    const queue: Queue = { number, record, settings: settingsOf(fifo, record.attributes) };
    byKey.set(keyOf(record, record.name), queue);
    byNumber.set(number, queue);
    return queue;
  }

  function forget({ number, record }: Queue): void {
    byKey.delete(keyOf(record, record.name));
    byNumber.delete(number);
  }

  function reload(): void {
    byKey.clear();
    byNumber.clear();
    for (const { number, document } of store.documents("queue")) know(number, JSON.parse(document) as QueueRecord);
  }

  function add(record: QueueRecord): Queue {
    return know(store.addDocument("queue", keyOf(record, record.name), JSON.stringify(record)), record);
  }

  function change({ number }: Queue, record: QueueRecord): void {
    store.changeDocument(number, JSON.stringify(record));
    know(number, record);
  }

  const find = (place: Place, name: string) => byKey.get(keyOf(place, name));
  function byArn(arn: string): Queue | undefined {
    const [, , service, region = "", account = "", name = ""] = arn.split(":");
    return service === "sqs" ? find({ account, region }, name) : undefined;
  }
  const now = () => Math.floor(clock() / 1000);

  reload();
  return {
    find,
    get(place, name) {
      const queue = find(place, name);
      if (queue === undefined) throw noQueue();
      return queue;
    },
    byArn,
    byNumber: (number) => byNumber.get(number),
    list: ({ account, region }) =>
      [...byKey.values()]
        .filter(({ record }) => record.account === account && record.region === region)
        .sort((one, other) => (one.record.name < other.record.name ? -1 : 1)),
    everything: () => byKey.values(),
    create(place, name, given, tags) {
      const fifo = given.FifoQueue === "true";
      checkName(name, fifo);
      for (const [attribute, value] of Object.entries(given)) checkAttribute(attribute, value, fifo);
      const attributes = merged({}, given);
      checkTogether({ ...attributes, ...(fifo ? { FifoQueue: "true" } : {}) });
      const known = find(place, name);
      if (known !== undefined) {
        checkSame(known, given);
        return known;
      }
      const record: QueueRecord = { ...place, name, attributes, tags, created: now(), modified: now() };
      checkRedrive(record, settingsOf(fifo, attributes), byArn);
      return add(record);
    },
    setAttributes(queue, given) {
      const { record, settings } = queue;
      for (const [attribute, value] of Object.entries(given)) {
        if (attribute === "FifoQueue" && settings.fifo && value !== "true") {
          const reason = "Reason: Modifying queue type is not supported.";
          throw new MessageRefusal("InvalidAttributeValue", `Invalid value for the parameter FifoQueue. ${reason}`);
        }
        checkAttribute(attribute, value, settings.fifo);
      }
      const attributes = merged(record.attributes, given);
      checkTogether(attributes);
      checkRedrive(record, settingsOf(settings.fifo, attributes), byArn);
      change(queue, { ...record, attributes, modified: now() });
    },
    setTags: (queue, tags) => change(queue, { ...queue.record, tags }),
    remove(queue) {
      store.removeDocument(queue.number);
      store.abandon(queue.number);
      forget(queue);
    },
    purge(queue) {
      store.removeDocument(queue.number);
      store.abandon(queue.number);
      forget(queue);
      add(queue.record);
    },
    reload,
  };
}

/** An empty value takes an attribute away, and each kind of encryption the other. */
function merged(before: Attributes, given: Attributes): Attributes {
  const all: Record<string, string> = { ...before, ...given };
  if (given.KmsMasterKeyId && given.SqsManagedSseEnabled === undefined) delete all.SqsManagedSseEnabled;
  if (given.SqsManagedSseEnabled === "true" && given.KmsMasterKeyId === undefined) delete all.KmsMasterKeyId;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** Throws InvalidParameterValue. */
function checkName(name: string, fifo: boolean): void {
  const stem = fifo && name.endsWith(".fifo") ? name.slice(0, -5) : name;
  if (fifo && !name.endsWith(".fifo")) {
    throw new MessageRefusal(
      "InvalidParameterValueException",
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
  }
  if (/^[\w-]+$/.test(stem) && name.length <= 80) return;
  throw new MessageRefusal(
    "InvalidParameterValueException",
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
  );
}

/** To create a queue again is no error, if it is to be as it is. Throws QueueNameExists. */
function checkSame({ record, settings }: Queue, given: Attributes): void {
  const present = {
    ...defaultsOf(settings.fifo, record.attributes.KmsMasterKeyId !== undefined),
    ...record.attributes,
  };
  const other = Object.entries(given).find(([name, value]) => (present[name] ?? "") !== value);
  if (other === undefined) return;
  throw new MessageRefusal(
    "QueueNameExists",
    `A queue already exists with the same name and a different value for attribute ${other[0]}`,
  );
}
