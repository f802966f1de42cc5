import type { PutProvisionedConcurrencyConfigResponse } from "@aws-sdk/client-lambda";
import { type FunctionVersion, ServiceError } from "../../model/index.ts";
import {
  type FunctionEntry,
  type ProvisionedRecord,
  providerOf,
  type Scope,
  versionsBehind,
} from "../../registry/index.ts";
import type { FunctionRef } from "./function-ref.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** Hands on what the registry wants kept ready. */
export interface Provisioning {
  /** To be called after every change of a function, and after its end: keeps ready what is wanted now, and no more. */
  apply(scope: Scope, name: string): void;
  /** Begins with everything the registry has. */
  resume(): void;
}

type Needs = Pick<LambdaApiNeeds, "registry" | "provision" | "provisioned">;

export function createProvisioning({ registry, provision }: Needs): Provisioning {
  /** what was last asked for, by function and by the key of the version's environments */
  const asked = new Map<string, ReadonlyMap<string, FunctionVersion>>();

  function wantedNow(entry: FunctionEntry | undefined): ReadonlyMap<string, FunctionVersion> {
    const wanted = new Map<string, FunctionVersion>();
    if (entry === undefined) return wanted;
    const { account, region, name } = entry.record;
    for (const version of entry.versions.keys()) {
      const target = registry.resolve(account, region, name, version);
      if (readyOf(target) > 0 || target.managed !== undefined) wanted.set(target.key, target);
    }
    return wanted;
  }

  function apply(scope: Scope, name: string): void {
    const function_ = `${scope.account}/${scope.region}/${name}`;
    const before = asked.get(function_);
    const wanted = wantedNow(registry.functions.find(scope, name));
    if (wanted.size > 0) asked.set(function_, wanted);
    else asked.delete(function_);
    for (const [key, target] of before ?? []) if (!wanted.has(key)) provision?.(target, 0);
    for (const [key, target] of wanted) {
      const old = before?.get(key);
      if (old === undefined || !isAsBefore(target, old)) provision?.(target, readyOf(target));
    }
  }

  return {
    apply,
    resume() {
      for (const { record, provisioned, latest } of registry.functions.everything()) {
        if (provisioned.size > 0 || providerOf(latest.settings) !== undefined) apply(record, record.name);
      }
    },
  };
}

/** Environments of a version that are to be there whether anybody calls or not. */
export const readyOf = ({ managed, provisionedConcurrency }: FunctionVersion): number =>
  managed === undefined ? provisionedConcurrency : Math.min(managed.minEnvironments, managed.maxEnvironments);

const isAsBefore = (one: FunctionVersion, other: FunctionVersion): boolean =>
  readyOf(one) === readyOf(other) && one.managed?.maxEnvironments === other.managed?.maxEnvironments;

/** What Lambda says when the function failed while it was initialised. */
const initFailure = "FUNCTION_ERROR_INIT_FAILURE";

/** A configuration as Lambda describes it. The numbers of an alias are those of all the versions it leads to. */
export function provisionedView(
  needs: Needs,
  ref: FunctionRef,
  { qualifier, executions, lastModified }: ProvisionedRecord,
) {
  const entry = needs.registry.functions.get(ref, ref.name);
  let allocated = 0;
  let available = 0;
  let failure = needs.provisioned === undefined ? "This platform keeps no environments ready." : undefined;
  for (const version of versionsBehind(entry, qualifier)) {
    const state = needs.provisioned?.(needs.registry.resolve(ref.account, ref.region, ref.name, version));
    allocated += state?.allocated ?? 0;
    available += state?.available ?? 0;
    failure ??= state?.initFailed ? initFailure : state?.failure;
  }
  const status = available >= executions ? "READY" : failure === undefined ? "IN_PROGRESS" : "FAILED";
  return {
    RequestedProvisionedConcurrentExecutions: executions,
    AvailableProvisionedConcurrentExecutions: Math.min(available, executions),
    AllocatedProvisionedConcurrentExecutions: Math.min(allocated, executions),
    Status: status,
    ...(status === "FAILED" ? { StatusReason: failure } : {}),
    LastModified: lastModified,
  } satisfies PutProvisionedConcurrencyConfigResponse;
}

/** The version or alias a request is about. Throws InvalidParameterValueException with `unpublished` for `$LATEST` or none. */
export function publishedQualifier(ref: FunctionRef, unpublished: string): string {
  if (ref.qualifier !== undefined && ref.qualifier !== "$LATEST") return ref.qualifier;
  throw new ServiceError("InvalidParameterValueException", unpublished);
}

/** What Lambda says to those that ask about `$LATEST`. */
export const mustBePublished = "The function resource provided must be an alias or a published version.";
