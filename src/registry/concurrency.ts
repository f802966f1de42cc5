import { limits, ServiceError } from "../model/index.ts";
import { type Entries, type Entry, keyOf, kinds } from "./entries.ts";
import { versionsBehind, wantedOf } from "./provisioned.ts";
import { type FunctionRecord, type ProvisionedRecord, type Scope, timestamp } from "./records.ts";
import { aliasNotFound, functionNotFound } from "./resolve.ts";
import type { Store } from "./store.ts";

/** Concurrency set aside: reserved for a function, or provisioned for one of its versions or aliases. */
export interface Concurrency {
  /**
   * undefined: no reservation. Throws InvalidParameterValueException below the account's floor, and below what the function
   * has provisioned.
   */
  reserve(scope: Scope, name: string, executions: number | undefined): void;
  /**
   * What the account has left in a region for invocations that nothing was set aside for: neither reserved for their function
   * nor provisioned. Asked for every invocation, so it is remembered between changes.
   */
  unreserved(scope: Scope): number;
  /**
   * Keeps environments of a version or an alias ready from now on. Throws ResourceNotFoundException for a qualifier that
   * does not exist, InvalidParameterValueException for `$LATEST`, for SnapStart and beyond the limits, and
   * ResourceConflictException where another qualifier already provisions the same version.
   */
  provision(scope: Scope, name: string, qualifier: string, executions: number): ProvisionedRecord;
  /** Idempotent. Throws ResourceNotFoundException for a qualifier that does not exist. */
  unprovision(scope: Scope, name: string, qualifier: string): void;
  /** Undefined: nothing is provisioned. Throws ResourceNotFoundException for a qualifier that does not exist. */
  provisioned(scope: Scope, name: string, qualifier: string): ProvisionedRecord | undefined;
}

export interface ConcurrencyNeeds {
  readonly store: Store;
  readonly entries: Entries;
  /** most concurrent executions of one account in one region */
  readonly accountConcurrency: number;
  /** Writes a function's record and shows it. */
  changeRecord(entry: Entry, record: FunctionRecord): void;
}

/** `forget` is to be called when what was set aside may have gone with its function, version or alias. */
export function createConcurrency(needs: ConcurrencyNeeds): Concurrency & { forget(): void } {
  const { store, entries, accountConcurrency } = needs;
  const remembered = new Map<string, number>();
  const floor = limits.unreservedConcurrencyFloor;

  function unreserved(scope: Scope): number {
    const key = keyOf(scope, "");
    let left = remembered.get(key);
    if (left === undefined) {
      left = accountConcurrency;
      for (const entry of entries.region(scope).values())
        left -= entry.record.reservedConcurrency ?? provisionedBy(entry);
      remembered.set(key, left);
    }
    return left;
  }

  function reserve(scope: Scope, name: string, executions: number | undefined): void {
    const entry = entries.get(scope, name);
    const { reservedConcurrency: before, ...record } = entry.record;
    const provisioned = provisionedBy(entry);
    if (executions !== undefined && executions < provisioned) {
      throw invalid(
        ` ReservedConcurrentExecutions  ${executions} should not be lower than function's total provisioned concurrency [${provisioned}].`,
      );
    }
    const left = unreserved(scope) + (before ?? provisioned) - (executions ?? provisioned);
    if (executions !== undefined && left < floor) {
      throw invalid(
        `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${floor}].`,
      );
    }
    needs.changeRecord(entry, executions === undefined ? record : { ...record, reservedConcurrency: executions });
    remembered.clear();
  }

  function existing(scope: Scope, name: string, qualifier: string): Entry {
    const entry = entries.find(scope, name);
    const known = isNumber(qualifier) ? entry?.versions : entry?.aliases;
    if (entry !== undefined && known?.has(qualifier) === true) return entry;
    throw isNumber(qualifier) ? functionNotFound(scope, name, qualifier) : aliasNotFound(scope, name, qualifier);
  }

  function checkRoom(scope: Scope, entry: Entry, qualifier: string, executions: number): void {
    const own = entry.provisioned.get(qualifier)?.executions ?? 0;
    const reserved = entry.record.reservedConcurrency;
    if (reserved !== undefined) {
      if (provisionedBy(entry) - own + executions <= reserved) return;
      throw invalid(
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
      );
    }
    const left = unreserved(scope) + own;
    if (executions > left) {
      throw invalid(
        `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${left}].`,
      );
    }
    if (left - executions < floor) {
      throw invalid(
        `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${floor}].`,
      );
    }
  }

  return {
    reserve,
    unreserved,
    forget: () => remembered.clear(),
    provisioned: (scope, name, qualifier) => existing(scope, name, qualifier).provisioned.get(qualifier),
    provision(scope, name, qualifier, executions) {
      const entry = existing(scope, name, qualifier);
      checkRoom(scope, entry, qualifier, executions);
      checkProvisionable(entry, qualifier, versionsBehind(entry, qualifier));
      const record = { qualifier, executions, lastModified: timestamp().replace(/\.\d+/, "") };
      store.put(kinds.provisioned, keyOf(scope, name, qualifier), record);
      entry.provisioned.set(qualifier, record);
      remembered.clear();
      entries.reroute(entry);
      return record;
    },
    unprovision(scope, name, qualifier) {
      const entry = existing(scope, name, qualifier);
      store.remove(kinds.provisioned, keyOf(scope, name, qualifier));
      entry.provisioned.delete(qualifier);
      remembered.clear();
      entries.reroute(entry);
    },
  };
}

/**
 * May `qualifier` provision these versions? Each version has at most one configuration, its own or that of one alias that
 * leads to it (Developer Guide, "Configuring provisioned concurrency for a function").
 */
export function checkProvisionable(entry: Entry, qualifier: string, versions: readonly string[]): void {
  const conflict = (message: string) => new ServiceError("ResourceConflictException", message);
  for (const version of versions) {
    const record = entry.versions.get(version);
    if (record === undefined) {
      throw invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
    }
    if (record.settings.SnapStart.ApplyOn === "PublishedVersions") {
      throw invalid("Provisioned Concurrency is not supported for SnapStart enabled functions.");
    }
    if (record.settings.TenancyConfig !== undefined) {
      throw invalid("Provisioned Concurrency is not supported for functions with tenant isolation mode.");
    }
    for (const other of entry.provisioned.keys()) {
      if (other === qualifier || !versionsBehind(entry, other).includes(version)) continue;
      throw conflict(
        isNumber(qualifier)
          ? "Version is pointed by a Provisioned Concurrency alias"
          : "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
      );
    }
  }
}

const isNumber = (qualifier: string): boolean => /^\d+$/.test(qualifier);

const provisionedBy = (entry: Entry): number => {
  let total = 0;
  for (const executions of wantedOf(entry).values()) total += executions;
  return total;
};

const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
