import { randomUUID } from "node:crypto";
import { codeSha256, type FunctionVersion, ServiceError } from "../model/index.ts";
import type { Attachments } from "./attached.ts";
import { type Concurrency, checkProvisionable, createConcurrency } from "./concurrency.ts";
import { type Entry, keyOf, kinds, loadEntries, newEntry, unqualified } from "./entries.ts";
import {
  type AliasRecord,
  type FunctionRecord,
  latestPublished,
  type ProvisionedRecord,
  type ScalingRecord,
  type Scope,
  type VersionRecord,
} from "./records.ts";
import { choose, functionNotFound, versionNotFound } from "./resolve.ts";
import type { Store } from "./store.ts";
import {
  type Content,
  changedVersion,
  checkChangeable,
  checkRevision,
  newVersion,
  publishedVersion,
  type Settlement,
  scaledAs,
  settledVersion,
} from "./transitions.ts";

/** A function with its versions and aliases, as memory holds it. Read it; change it through `Functions` only. */
export interface FunctionEntry {
  readonly record: FunctionRecord;
  readonly latest: VersionRecord;
  /** published versions by number, in order of publication */
  readonly versions: ReadonlyMap<string, VersionRecord>;
  readonly aliases: ReadonlyMap<string, AliasRecord>;
  /** provisioned concurrency, by version or alias */
  readonly provisioned: ReadonlyMap<string, ProvisionedRecord>;
}

export interface NewFunction extends Content {
  readonly tags: Readonly<Record<string, string>>;
}

export interface Publication {
  readonly description?: string | undefined;
  /** refuse unless $LATEST has this code */
  readonly codeSha256?: string | undefined;
  readonly revisionId?: string | undefined;
  /** PublishTo=LATEST_PUBLISHED; only of a function on a capacity provider */
  readonly toLatestPublished?: boolean | undefined;
}

/**
 * Functions, versions and aliases. Every change is written before memory shows it, and throws ServiceError in Lambda's
 * words without having changed anything.
 */
export interface Functions extends Concurrency {
  /**
   * What to run. Memory only. `qualifier`: version, `$LATEST` or alias; a weighted alias is drawn anew on every call. Without one
   * it is `$LATEST.PUBLISHED` where there is that, else `$LATEST`.
   * Throws ResourceNotFoundException.
   */
  resolve(account: string, region: string, name: string, qualifier?: string): FunctionVersion;
  /** Throws ResourceNotFoundException. */
  get(scope: Scope, name: string): FunctionEntry;
  find(scope: Scope, name: string): FunctionEntry | undefined;
  /** `$LATEST`, a number, or an alias's version. Throws ResourceNotFoundException. */
  version(scope: Scope, name: string, qualifier?: string): VersionRecord;
  /** By name, in one account and region. */
  list(scope: Scope): readonly FunctionEntry[];
  /** The same from a name on, whether or not that is there. To be read before anything changes. */
  listFrom(scope: Scope, name: string): Iterable<FunctionEntry>;
  /** Every function of every account. */
  everything(): Iterable<FunctionEntry>;
  /** Pending until settle(). Throws ResourceConflictException. */
  create(scope: Scope, name: string, made: NewFunction): FunctionEntry;
  /** Replaces code or configuration of $LATEST; InProgress until settle(). Throws what checkChangeable and checkRevision throw. */
  update(scope: Scope, name: string, change: Partial<Content>, revisionId?: string): FunctionEntry;
  /** $LATEST as a new immutable version, or the last one when nothing changed since; or as `$LATEST.PUBLISHED`, every time. */
  publish(
    scope: Scope,
    name: string,
    publication: Publication,
  ): { readonly version: VersionRecord; readonly made: boolean };
  /** How many environments a published version on a capacity provider has; undefined: as many as others. Throws ResourceNotFoundException. */
  scale(scope: Scope, name: string, version: string, scaling: ScalingRecord | undefined): VersionRecord;
  /** Ends Pending or InProgress, unless the version was changed meanwhile (another `key`). */
  settle(scope: Scope, name: string, version: string, key: string, settlement: Settlement): void;
  remove(scope: Scope, name: string): void;
  /** A published version with its provisioned concurrency. Throws ResourceConflictException while an alias needs it. */
  removeVersion(scope: Scope, name: string, version: string): void;
  /** `$LATEST` gets a new revision. */
  setTags(scope: Scope, name: string, tags: Readonly<Record<string, string>>): void;
  /** Gives `$LATEST`, a version or an alias a new revision, in one transaction with what `write` writes. */
  revise(scope: Scope, name: string, qualifier: string | undefined, write: () => void): void;
  /** Throws as provision() does when the alias has provisioned concurrency and its new versions cannot have it. */
  putAlias(scope: Scope, name: string, alias: AliasRecord): void;
  /** With its provisioned concurrency. */
  removeAlias(scope: Scope, name: string, alias: string): void;
}

export interface FunctionsNeeds {
  readonly store: Store;
  /** what goes with a function, a version or an alias */
  readonly attachments: Pick<Attachments, "forget">;
  readonly egressDefault: boolean;
  /** most concurrent executions of one account in one region */
  readonly accountConcurrency: number;
}

/** Loads everything from the store. */
export function createFunctions(needs: FunctionsNeeds): Functions {
  const { store, attachments } = needs;
  const entries = loadEntries(store, needs.egressDefault);
  const putVersion = (record: FunctionRecord, version: VersionRecord): void =>
    store.put(kinds.version, keyOf(record, record.name, version.version), version);
  const putRecord = (record: FunctionRecord): void => store.put(kinds.function, keyOf(record, record.name), record);
  const changeRecord = (entry: Entry, record: FunctionRecord): void => {
    putRecord(record);
    entry.record = record;
    entries.reroute(entry);
  };
  const { accountConcurrency } = needs;
  const { forget, ...concurrency } = createConcurrency({ store, entries, accountConcurrency, changeRecord });

  function resolve(account: string, region: string, name: string, qualifier = unqualified): FunctionVersion {
    const route = entries.route(account, region, name, qualifier);
    if (route === undefined) throw functionNotFound({ account, region }, name, qualifier || "$LATEST");
    return route.shares === undefined ? route.target : choose(route, Math.random());
  }

  function version(scope: Scope, name: string, qualifier?: string): VersionRecord {
    const entry = entries.find(scope, name);
    if (entry === undefined) throw versionNotFound(scope, name, qualifier);
    if (qualifier === undefined || qualifier === "$LATEST") return entry.latest;
    const found = entry.versions.get(entry.aliases.get(qualifier)?.version ?? qualifier);
    // An alias of $LATEST.
    if (found === undefined && entry.aliases.get(qualifier)?.version === "$LATEST") return entry.latest;
    if (found === undefined) throw functionNotFound(scope, name, qualifier);
    return found;
  }

  function create(scope: Scope, name: string, made: NewFunction): FunctionEntry {
    if (entries.find(scope, name) !== undefined) {
      throw new ServiceError("ResourceConflictException", `Function already exist: ${name}`);
    }
    const { account, region } = scope;
    const record: FunctionRecord = { account, region, name, nextVersion: 1, tags: made.tags };
    const latest = newVersion("$LATEST", made);
    store.transaction(() => {
      putRecord(record);
      putVersion(record, latest);
    });
    const entry = newEntry(record, latest);
    entries.reroute(entry);
    entries.region(scope).set(name, entry);
    return entry;
  }

  function update(scope: Scope, name: string, change: Partial<Content>, revisionId?: string): FunctionEntry {
    const entry = entries.get(scope, name);
    checkChangeable(entry);
    checkRevision(entry.latest.revisionId, revisionId);
    const latest = changedVersion(entry.latest, change);
    putVersion(entry.record, latest);
    entry.latest = latest;
    entries.reroute(entry);
    return entry;
  }

  function publish(scope: Scope, name: string, publication: Publication) {
    const entry = entries.get(scope, name);
    const { latest } = entry;
    const current = codeSha256(latest.code);
    if (publication.codeSha256 !== undefined && publication.codeSha256 !== current) {
      throw new ServiceError(
        "InvalidParameterValueException",
        `CodeSHA256 (${publication.codeSha256}) is different from current CodeSHA256 in $LATEST (${current}). Please try again with the CodeSHA256 in $LATEST.`,
      );
    }
    checkRevision(latest.revisionId, publication.revisionId);
    if (publication.toLatestPublished === true) return publishLatest(entry, publication);
    const last = [...entry.versions.values()].filter(({ version: number }) => number !== latestPublished).at(-1);
    if (last?.fingerprint === latest.fingerprint) return { version: last, made: false };

    const { description } = publication;
    const settings = description === undefined ? latest.settings : { ...latest.settings, Description: description };
    const published: VersionRecord = {
      ...publishedVersion(latest, String(entry.record.nextVersion), settings),
      // Compared with $LATEST at the next publication, whatever description this one got.
      fingerprint: latest.fingerprint,
    };
    const record = { ...entry.record, nextVersion: entry.record.nextVersion + 1 };
    store.transaction(() => {
      putRecord(record);
      putVersion(record, published);
    });
    entry.record = record;
    entry.versions.set(published.version, published);
    entries.reroute(entry);
    return { version: published, made: true };
  }

  function publishLatest(entry: Entry, { description }: Publication) {
    const { latest, record } = entry;
    const settings = description === undefined ? latest.settings : { ...latest.settings, Description: description };
    const published: VersionRecord = {
      ...publishedVersion(latest, latestPublished, settings),
      ...scaledAs(entry.versions.get(latestPublished) ?? {}),
      fingerprint: latest.fingerprint,
    };
    putVersion(record, published);
    entry.versions.set(latestPublished, published);
    entries.reroute(entry);
    return { version: published, made: true };
  }

  function scale(scope: Scope, name: string, qualifier: string, scaling: ScalingRecord | undefined): VersionRecord {
    const entry = entries.get(scope, name);
    const { scaling: _before, ...old } = version(scope, name, qualifier);
    const scaled: VersionRecord = { ...old, ...scaledAs({ scaling }) };
    putVersion(entry.record, scaled);
    entry.versions.set(scaled.version, scaled);
    entries.reroute(entry);
    return scaled;
  }

  function settle(scope: Scope, name: string, number: string, key: string, settlement: Settlement): void {
    const entry = entries.find(scope, name);
    const old = number === "$LATEST" ? entry?.latest : entry?.versions.get(number);
    if (entry === undefined || old === undefined || old.key !== key) return;
    const settled = settledVersion(old, settlement);
    putVersion(entry.record, settled);
    if (number === "$LATEST") entry.latest = settled;
    else entry.versions.set(number, settled);
  }

  function remove(scope: Scope, name: string): void {
    const entry = entries.get(scope, name);
    store.transaction(() => {
      store.remove(kinds.function, keyOf(scope, name));
      for (const number of ["$LATEST", ...entry.versions.keys()])
        store.remove(kinds.version, keyOf(scope, name, number));
      for (const alias of entry.aliases.keys()) store.remove(kinds.alias, keyOf(scope, name, alias));
      for (const qualifier of entry.provisioned.keys()) store.remove(kinds.provisioned, keyOf(scope, name, qualifier));
      attachments.forget(scope, name);
    });
    entries.region(scope).delete(name);
    forget();
  }

  function removeVersion(scope: Scope, name: string, number: string): void {
    const entry = entries.get(scope, name);
    const users = [...entry.aliases.values()].filter(
      (alias) => alias.version === number || alias.weights?.[number] !== undefined,
    );
    if (users.length > 0) {
      const names = users.map((alias) => alias.name).join(", ");
      throw new ServiceError(
        "ResourceConflictException",
        `Unable to delete version because the following aliases reference it: [${names}]`,
      );
    }
    store.transaction(() => {
      store.remove(kinds.version, keyOf(scope, name, number));
      store.remove(kinds.provisioned, keyOf(scope, name, number));
      attachments.forget(scope, name, number);
    });
    entry.versions.delete(number);
    entry.provisioned.delete(number);
    forget();
    entries.reroute(entry);
  }

  function revise(scope: Scope, name: string, qualifier = "$LATEST", write: () => void): void {
    const entry = entries.get(scope, name);
    const revisionId = randomUUID();
    const alias = entry.aliases.get(qualifier);
    if (alias !== undefined) {
      const revised = { ...alias, revisionId };
      store.transaction(() => {
        write();
        store.put(kinds.alias, keyOf(scope, name, qualifier), revised);
      });
      entry.aliases.set(qualifier, revised);
      return;
    }
    const revised = { ...version(scope, name, qualifier), revisionId };
    store.transaction(() => {
      write();
      putVersion(entry.record, revised);
    });
    if (revised.version === "$LATEST") entry.latest = revised;
    else entry.versions.set(revised.version, revised);
  }

  return {
    resolve,
    get: entries.get,
    find: entries.find,
    version,
    list: (scope) => entries.region(scope).list(),
    listFrom: (scope, name) => entries.region(scope).from(name),
    everything: entries.everything,
    create,
    update,
    publish,
    scale,
    settle,
    remove,
    removeVersion,
    ...concurrency,
    revise,
    setTags(scope, name, tags) {
      const entry = entries.get(scope, name);
      const record = { ...entry.record, tags };
      revise(scope, name, undefined, () => putRecord(record));
      entry.record = record;
      entries.reroute(entry);
    },
    putAlias(scope, name, alias) {
      const entry = entries.get(scope, name);
      if (entry.provisioned.has(alias.name)) {
        checkProvisionable(entry, alias.name, [alias.version, ...Object.keys(alias.weights ?? {})]);
      }
      store.put(kinds.alias, keyOf(scope, name, alias.name), alias);
      entry.aliases.set(alias.name, alias);
      entries.reroute(entry);
    },
    removeAlias(scope, name, alias) {
      const entry = entries.get(scope, name);
      store.transaction(() => {
        store.remove(kinds.alias, keyOf(scope, name, alias));
        store.remove(kinds.provisioned, keyOf(scope, name, alias));
        attachments.forget(scope, name, alias);
      });
      entry.aliases.delete(alias);
      entry.provisioned.delete(alias);
      forget();
      entries.reroute(entry);
    },
  };
}
