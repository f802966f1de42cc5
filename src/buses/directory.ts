import { compilePattern } from "../patterns/index.ts";
import type { BusesNeeds } from "./needs.ts";
import { type BusRecord, busArn, defaultBus, type RuleRecord } from "./records.ts";

interface Where {
  readonly account: string;
  readonly region: string;
}

/** Buses and their rules. Reads are answered from memory; a write that returned outlives the process. */
export interface Directory {
  /** The default bus is always there. */
  bus(where: Where, bus: string): BusRecord | undefined;
  /** By name, the default bus among them. */
  buses(where: Where): readonly BusRecord[];
  putBus(record: BusRecord): void;
  removeBus(record: BusRecord): void;
  rule(where: Where, bus: string, rule: string): RuleRecord | undefined;
  /** By name. */
  rules(where: Where, bus: string): readonly RuleRecord[];
  everyRule(): Iterable<RuleRecord>;
  putRule(record: RuleRecord): void;
  removeRule(record: RuleRecord): void;
  /** Rules of a bus that are enabled and whose pattern this event meets. */
  met(where: Where, bus: string, event: unknown): readonly RuleRecord[];
}

export function createDirectory(needs: Pick<BusesNeeds, "named">): Directory {
  const buses = needs.named<BusRecord>("event-bus");
  const records = needs.named<RuleRecord>("event-rule");
  /** rules of each bus, by name */
  const rules = new Map<string, Map<string, RuleRecord>>();
  /** patterns that have been read, as long as the record stays the same */
  const patterns = new WeakMap<RuleRecord, (event: unknown) => boolean>();
  const keyOf = ({ account, region }: Where, bus: string) => `${account} ${region} ${bus}`;
  for (const record of records.everything()) remember(record);

  function remember(record: RuleRecord): void {
    const key = keyOf(record, record.bus);
    const known = rules.get(key) ?? new Map<string, RuleRecord>();
    rules.set(key, known.set(record.rule, record));
  }

  function meets(record: RuleRecord, event: unknown): boolean {
    if (record.pattern === undefined || record.state === "DISABLED") return false;
    const pattern = patterns.get(record) ?? compilePattern(record.pattern);
    patterns.set(record, pattern);
    return pattern(event);
  }

  function bus(where: Where, name: string): BusRecord | undefined {
    const known = buses.get(where.account, `${where.region} ${name}`);
    return known ?? (name === defaultBus ? implied(where) : undefined);
  }

  return {
    bus,
    buses(where) {
      const own = buses.list(where.account).filter(({ region }) => region === where.region);
      const all = own.some((one) => one.bus === defaultBus) ? own : [...own, implied(where)];
      return all.sort((one, other) => (one.bus < other.bus ? -1 : 1));
    },
    putBus: buses.put,
    removeBus: ({ account, name }) => buses.remove(account, name),
    rule: (where, name, rule) => rules.get(keyOf(where, name))?.get(rule),
    rules: (where, name) =>
      [...(rules.get(keyOf(where, name))?.values() ?? [])].sort((one, other) => (one.rule < other.rule ? -1 : 1)),
    *everyRule() {
      for (const ofBus of rules.values()) yield* ofBus.values();
    },
    putRule(record) {
      records.put(record);
      remember(record);
    },
    removeRule(record) {
      records.remove(record.account, record.name);
      const key = keyOf(record, record.bus);
      const known = rules.get(key);
      known?.delete(record.rule);
      if (known?.size === 0) rules.delete(key);
    },
    met: (where, name, event) =>
      [...(rules.get(keyOf(where, name))?.values() ?? [])].filter((record) => meets(record, event)),
  };
}

/** The default bus, as long as nobody has changed it. */
function implied({ account, region }: Where): BusRecord {
  return {
    account,
    region,
    name: `${region} ${defaultBus}`,
    bus: defaultBus,
    arn: busArn({ account, region }, defaultBus),
    settings: {},
    tags: {},
    created: 0,
    modified: 0,
  };
}
