import type { FunctionVersion, Posting } from "../model/index.ts";
import type { MappingRecord } from "../registry/index.ts";
import { createCalls, type Place, type Remote } from "../remote/index.ts";
import { type Counters, type Counts, createCounters } from "./counters.ts";
import { checkSource } from "./existence.ts";
import { createFilter } from "./filtering.ts";
import { postingOf } from "./giving-up.ts";
import { type InvokingNeeds, invokeMapped, mappedArn } from "./invoking.ts";
import { kinds } from "./kinds.ts";
import { createLife, type Life, type LifeNeeds, type MappingState, type MappingStatus } from "./life.ts";
import { pause } from "./pause.ts";
import { openCheckpoints } from "./store.ts";

export interface SourcesNeeds extends InvokingNeeds {
  /** of the store of checkpoints; its folder must exist */
  readonly path: string;
  clock(): number;
  /** all that there are */
  mappings(): Iterable<MappingRecord>;
  /** seconds that a version may run */
  timeoutOf(target: FunctionVersion): number;
  /** ARN of a version's execution role */
  roleOf(target: FunctionVersion): string;
  /**
   * Where a service is for a function of an account with this role; `named`: what the mapping says. Throws an Error when it is
   * nowhere.
   */
  place(service: string, account: string, named: string | undefined, roleArn: string | undefined): Place;
  send: Remote["send"];
  /** Takes records for on-failure destinations; resolves when they are durable. */
  post(postings: readonly Posting[]): Promise<void>;
  /** told about every failure that is ours */
  report(error: unknown): void;
  /** who reads which kind; left out: those that there are */
  readonly kinds?: typeof kinds;
}

/** A mapping as the operator sees it. */
export interface MappingSummary {
  readonly uuid: string;
  readonly source: string;
  readonly functionName: string;
  readonly state: MappingState;
  readonly problem: string | undefined;
  readonly counts: Counts;
  readonly iteratorAgeMs: number | undefined;
  readonly offsetLag: number | undefined;
}

/** Event source mappings at work. */
export interface Sources {
  /** Begins to read for every mapping that there is; to be called once, when functions can run. */
  takeUp(): void;
  /** A mapping was made, changed or (it is no longer in the registry) deleted. */
  changed(mapping: MappingRecord, exists: boolean): void;
  /** Looks for the source of a mapping that is to be made or changed. Rejects with InvalidParameterValueException. */
  check(mapping: MappingRecord): Promise<void>;
  /** undefined: nobody reads sources of this kind */
  status(mapping: MappingRecord): MappingStatus | undefined;
  list(): MappingSummary[];
  /** Reads no more, and resolves when everything is kept or handed back, or after `ms`. */
  drain(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The URL of a source that is neither here nor where the platform was told: a tag of the mapping. */
export const endpointTag = "thaw:endpoint";

/** Opens the store of checkpoints. Throws what SQLite says about a file that is none. */
export function createSources(needs: SourcesNeeds): Sources {
  const checkpoints = openCheckpoints(needs.path);
  const readers = needs.kinds ?? kinds;
  const lives = new Map<string, Life>();
  let draining = false;

  function begin(mapping: MappingRecord, isNew: boolean): void {
    const load = readers[mapping.source];
    if (load === undefined || draining) return;
    lives.set(mapping.uuid, createLife(mapping, isNew, { load, needsOf, report: needs.report }));
  }

  const needsOf: LifeNeeds["needsOf"] = (mapping, counters) => {
    const { account, region, uuid, tags, settings, source } = mapping;
    const roleArn = () => needs.roleOf(needs.resolve(account, region, mapping.functionName, mapping.qualifier));
    // The tag says where the source is, not where its secrets are.
    const named = (service: string) => (service === "secretsmanager" ? undefined : tags[endpointTag]);
    const place = (service: string) => needs.place(service, account, named(service), roleArn());
    return {
      mapping,
      functionArn: mappedArn(mapping),
      roleArn,
      clock: needs.clock,
      calls: (service) => createCalls(needs, service, regionOf(mapping), () => place(service.service)),
      place,
      send: needs.send,
      checkpoints: checkpoints.of(uuid),
      wants: createFilter(source, settings),
      invoke: (payload, traceId) => invokeMapped(needs, mapping, payload, traceId),
      giveUp: (lost) => giveUp(mapping, counters, roleArn, lost),
      report: needs.report,
    };
  };

  async function giveUp(
    mapping: MappingRecord,
    counters: Counters,
    roleArn: () => string,
    lost: Parameters<typeof postingOf>[1],
  ) {
    const posting = postingOf(mapping, lost, needs.clock(), roleArn());
    if (posting === undefined) return;
    await needs.post([posting]);
    counters.add("OnFailureDestinationDeliveredEventCount", 1);
  }

  async function remove(uuid: string, life: Life): Promise<void> {
    await life.end("Deleting");
    if (lives.get(uuid) === life) lives.delete(uuid);
    checkpoints.forget(uuid);
  }

  return {
    async check(mapping) {
      const { account, region, functionName, qualifier, source, settings } = mapping;
      const timeoutSeconds = needs.timeoutOf(needs.resolve(account, region, functionName, qualifier));
      const { calls } = needsOf(mapping, createCounters());
      await checkSource({ source, arn: String(settings.EventSourceArn ?? ""), calls, timeoutSeconds });
    },
    takeUp() {
      const mappings = [...needs.mappings()];
      checkpoints.keep(new Set(mappings.map(({ uuid }) => uuid)));
      for (const mapping of mappings) begin(mapping, false);
    },
    changed(mapping, exists) {
      const life = lives.get(mapping.uuid);
      if (life === undefined) {
        if (exists) begin(mapping, true);
      } else if (exists) life.change(mapping);
      else remove(mapping.uuid, life).catch(needs.report);
    },
    status: ({ uuid }) => lives.get(uuid)?.status(),
    list: () =>
      [...lives.values()].map(({ mapping, counters, iteratorAgeMs, offsetLag, status }) => {
        const { uuid, source, functionName } = mapping;
        const { state, reason: problem } = status();
        return { uuid, source, functionName, state, problem, counts: { ...counters.counts }, iteratorAgeMs, offsetLag };
      }),
    async drain(ms) {
      draining = true;
      const patience = new AbortController();
      const ended = Promise.all([...lives.values()].map((life) => life.end("Disabled")));
      await Promise.race([ended, pause(ms, patience.signal)]);
      patience.abort();
    },
    close: checkpoints.close,
  };
}

/** The source's region: its ARN's, or the mapping's own. */
function regionOf({ settings, region }: MappingRecord): string {
  const named = String(settings.EventSourceArn ?? "").split(":")[3];
  // DynamoDB Local has a name of its own in its ARNs, but tables for each region that signatures name.
  return named === undefined || named === "" || named === "ddblocal" ? region : named;
}
