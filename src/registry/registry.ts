import { type CodeRef, type FunctionVersion, limits } from "../model/index.ts";
import { type Attached, createAttachments } from "./attached.ts";
import type { CodeSigningRecord, FunctionCodeSigningRecord } from "./code-signing.ts";
import type {
  EventInvokeRecord,
  FunctionUrlRecord,
  MappingRecord,
  RecursionRecord,
  RuntimeManagementRecord,
} from "./configs.ts";
import { kinds } from "./entries.ts";
import { createFunctions, type Functions } from "./functions.ts";
import { createLayers, type Layers } from "./layers.ts";
import type { CapacityProviderRecord } from "./managed.ts";
import {
  createFunctionPolicies,
  createLayerPolicies,
  type FunctionPolicies,
  type LayerPolicies,
  type LayerPolicyRecord,
} from "./policies.ts";
import { createNamed, type Named, type NamedDocument, type PolicyRecord, type RoleRecord } from "./roles.ts";
import type {
  ScalableTargetRecord,
  ScalingActivityRecord,
  ScalingPolicyRecord,
  ScheduledActionRecord,
} from "./scaling.ts";
import { type Secrets, sealedStore } from "./sealing.ts";
import { openStore } from "./store.ts";

export interface RegistryNeeds {
  /** the database file; its folder must exist */
  readonly path: string;
  /** may functions without the tag `thaw:egress` reach the network? */
  readonly egressDefault?: boolean;
  readonly accountConcurrency?: number;
  /** Seals environment variables on the disk; given the documents that keys are kept in. Absent: they lie there open. */
  secrets?(named: Registry["named"]): Secrets;
}

/** What scales provisioned concurrency. */
export interface Scaling {
  readonly targets: Named<ScalableTargetRecord>;
  readonly policies: Named<ScalingPolicyRecord>;
  readonly actions: Named<ScheduledActionRecord>;
  readonly activities: Named<ScalingActivityRecord>;
}

/**
 * What exists. Reads are answered from memory. A write that returned outlives the process; a power cut it outlives once
 * `durable()` says so, and nobody is to be told of it, nor shown it, before.
 */
export interface Registry {
  readonly functions: Functions;
  readonly layers: Layers;
  readonly roles: Named<RoleRecord>;
  readonly policies: Named<PolicyRecord>;
  readonly scaling: Scaling;
  /** what ends asynchronous invocations; under `$LATEST`, a version or an alias */
  readonly eventInvoke: Attached<EventInvokeRecord>;
  /** function URLs; under `$LATEST` or an alias */
  readonly urls: Attached<FunctionUrlRecord>;
  readonly runtimeManagement: Attached<RuntimeManagementRecord>;
  readonly recursion: Attached<RecursionRecord>;
  readonly mappings: Named<MappingRecord>;
  readonly capacityProviders: Named<CapacityProviderRecord>;
  readonly codeSigning: Named<CodeSigningRecord>;
  readonly functionCodeSigning: Attached<FunctionCodeSigningRecord>;
  readonly functionPolicies: FunctionPolicies;
  readonly layerPolicies: LayerPolicies;
  /** The documents of one kind, each under its account and name: what the services beside Lambda keep. Loaded when first asked for. */
  named<T extends NamedDocument>(kind: string): Named<T>;
  /** most concurrent executions of one account in one region */
  readonly accountConcurrency: number;
  /** What to run; see Functions.resolve. */
  resolve(account: string, region: string, name: string, qualifier?: string): FunctionVersion;
  /** Every zip that a version or a layer needs: what garbage collection must leave alone. */
  liveCode(): readonly CodeRef[];
  /**
   * All of the changes inside, or none of them, whenever the process is killed. Only the first may be refused: a failure after
   * it is one of the store, and nothing is acknowledged until the next start.
   */
  together<T>(changes: () => T): T;
  /** Undefined when everything is on the disk; else resolves when all that was written before this call is. Rejects when the disk failed. */
  durable(): Promise<void> | undefined;
  close(): void;
}

/** Opens the metadata store and loads it. Throws what SQLite says about a file that is not a registry. */
export function createRegistry(needs: RegistryNeeds): Registry {
  const store = openStore(needs.path);
  const accountConcurrency = needs.accountConcurrency ?? limits.accountConcurrency;
  const attachments = createAttachments(store);
  const loaded = new Map<string, unknown>();
  const named = <T extends NamedDocument>(kind: string): Named<T> => {
    const known = loaded.get(kind) ?? createNamed<T>(store, kind);
    loaded.set(kind, known);
    return known as Named<T>;
  };
  const functions = createFunctions({
    store: needs.secrets === undefined ? store : sealedStore(store, kinds.version, needs.secrets(named)),
    attachments,
    egressDefault: needs.egressDefault ?? false,
    accountConcurrency,
  });
  const layers = createLayers(store);
  return {
    functions,
    layers,
    roles: named<RoleRecord>("role"),
    policies: named<PolicyRecord>("policy"),
    scaling: {
      targets: named<ScalableTargetRecord>("scalable-target"),
      policies: named<ScalingPolicyRecord>("scaling-policy"),
      actions: named<ScheduledActionRecord>("scheduled-action"),
      activities: named<ScalingActivityRecord>("scaling-activity"),
    },
    eventInvoke: attachments.open<EventInvokeRecord>("event-invoke-config"),
    urls: attachments.open<FunctionUrlRecord>("function-url"),
    runtimeManagement: attachments.open<RuntimeManagementRecord>("runtime-management"),
    recursion: attachments.open<RecursionRecord>("recursion"),
    mappings: named<MappingRecord>("event-source-mapping"),
    capacityProviders: named<CapacityProviderRecord>("capacity-provider"),
    codeSigning: named<CodeSigningRecord>("code-signing-config"),
    functionCodeSigning: attachments.open<FunctionCodeSigningRecord>("function-code-signing"),
    functionPolicies: createFunctionPolicies({ attachments, functions }),
    layerPolicies: createLayerPolicies(named<LayerPolicyRecord>("layer-policy")),
    named,
    accountConcurrency,
    resolve: functions.resolve,
    liveCode() {
      const live: CodeRef[] = [...layers.everything()].map((layer) => layer.code);
      for (const entry of functions.everything()) {
        for (const version of [entry.latest, ...entry.versions.values()]) live.push(version.code, ...version.layers);
      }
      return live;
    },
    together: store.together,
    durable: store.synced,
    close: () => store.close(),
  };
}
