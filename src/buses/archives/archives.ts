import { compilePattern } from "../../patterns/index.ts";
import type { BusEvent } from "../envelope.ts";
import type { BusesNeeds } from "../needs.ts";
import { busArn } from "../records.ts";
import type { ArchiveRecord } from "./records.ts";
import { type Archived, type ArchiveStore, type Cursor, openArchiveStore } from "./store.ts";

interface Where {
  readonly account: string;
  readonly region: string;
}

/** Archives: which there are, and the events in them. */
export interface Archives {
  get(where: Where, archive: string): ArchiveRecord | undefined;
  /** by its ARN */
  find(arn: string): ArchiveRecord | undefined;
  list(where: Where): readonly ArchiveRecord[];
  /** An archive is new or another one now. */
  put(record: ArchiveRecord): void;
  /** Its events go with it. */
  remove(record: ArchiveRecord): void;
  totals(record: ArchiveRecord): { readonly events: number; readonly bytes: number };
  /** An event has come to a bus: those archives keep it that want it. */
  arrived(where: Where & { readonly bus: string }, event: BusEvent): void;
  read(record: ArchiveRecord, after: Cursor, until: number, limit: number): readonly Archived[];
  /** Resolves when all that has arrived is on the disk. */
  synced(): Promise<void>;
  close(): void;
}

const dayMs = 86_400_000;
const sweepMs = 3_600_000;
const atOnce = 1000;

/** The store is opened for the first archive: most platforms have none. */
export function createArchives(needs: Pick<BusesNeeds, "archivesPath" | "clock" | "named">): Archives {
  const { clock } = needs;
  const records = needs.named<ArchiveRecord>("events-archive");
  const patterns = new WeakMap<ArchiveRecord, (event: unknown) => boolean>();
  /** by the ARNs of buses */
  const bySource = new Map<string, Map<string, ArchiveRecord>>();
  let opened: ArchiveStore | undefined;
  let sweptAt = Number.NEGATIVE_INFINITY;
  for (const record of records.everything()) remember(record);
  if (bySource.size > 0) store();

  function store(): ArchiveStore {
    opened ??= openArchiveStore(needs.archivesPath);
    return opened;
  }

  function remember(record: ArchiveRecord): void {
    const known = bySource.get(record.source) ?? new Map<string, ArchiveRecord>();
    bySource.set(record.source, known.set(record.arn, record));
  }

  /** What is past its time is not shown any more; once an hour it goes. */
  function sweep(now: number): void {
    if (now - sweptAt < sweepMs) return;
    sweptAt = now;
    while (store().expire(now, atOnce));
  }

  function wants(record: ArchiveRecord, event: BusEvent): boolean {
    if (record.pattern === undefined) return true;
    const pattern = patterns.get(record) ?? compilePattern(record.pattern);
    patterns.set(record, pattern);
    return pattern(event.document);
  }

  const retentionOf = ({ retentionDays }: ArchiveRecord) => (retentionDays === 0 ? undefined : retentionDays * dayMs);

  return {
    get: ({ account, region }, archive) => records.get(account, `${region} ${archive}`),
    find(arn) {
      const [, region, account = "", archive] = /^arn:[^:]+:events:([^:]+):(\d{12}):archive\/(.+)$/.exec(arn) ?? [];
      return records.get(account, `${region} ${archive}`);
    },
    list: ({ account, region }) =>
      records
        .list(account)
        .filter((record) => record.region === region)
        .sort((one, other) => (one.archive < other.archive ? -1 : 1)),
    put(record) {
      const old = bySource.get(record.source)?.get(record.arn);
      store();
      records.put(record);
      remember(record);
      if (old !== undefined && old.retentionDays !== record.retentionDays) {
        store().retain(record.arn, retentionOf(record));
      }
    },
    remove(record) {
      records.remove(record.account, record.name);
      bySource.get(record.source)?.delete(record.arn);
      while (store().removeSome(record.arn, atOnce));
    },
    totals: ({ arn }) => store().totals(arn, clock()),
    arrived({ account, region, bus }, event) {
      // What is replayed is in an archive already.
      if (event.document["replay-name"] !== undefined) return;
      const wanting = bySource.get(busArn({ account, region }, bus));
      if (wanting === undefined || wanting.size === 0) return;
      const at = Date.parse(String(event.document.time));
      for (const record of wanting.values()) {
        if (!wants(record, event)) continue;
        const lasts = retentionOf(record);
        store().add(record.arn, { at, text: event.text }, lasts === undefined ? undefined : at + lasts);
      }
      sweep(clock());
    },
    read: ({ arn }, after, until, limit) => store().read(arn, after, until, clock(), limit),
    synced: async () => opened?.synced(),
    close: () => opened?.close(),
  };
}
