import type { FunctionVersion } from "../model/index.ts";

/** Of which function versions images are made (THAW_SNAPSHOTS). */
export type SnapshotPolicy =
  /** of any version whose init shared nothing that must not be shared: no random bytes drawn, no connection open */
  | "auto"
  /** of any version */
  | "all"
  /** of published versions of functions with SnapStart */
  | "snapstart"
  | "off";

/** May an image be made of this version, and what may its init have done? */
export type SnapshotTerms =
  | { readonly allowed: false; readonly why: string }
  /** `consents`: the function's owner has asked for copies, and answers for what they share, as with SnapStart on Lambda */
  | { readonly allowed: true; readonly consents: boolean };

/** The function's own word (its variable THAW_SNAPSHOT=on|off, or SnapStart) goes before the platform's policy. */
export function snapshotTerms(target: FunctionVersion, policy: SnapshotPolicy): SnapshotTerms {
  if (target.managed) return { allowed: false, why: "its environments serve several events at once" };
  const own = target.environment.THAW_SNAPSHOT;
  if (own === "off") return { allowed: false, why: "the function's variable THAW_SNAPSHOT is off" };
  if (own === "on") return { allowed: true, consents: true };
  if (policy === "off") return { allowed: false, why: "THAW_SNAPSHOTS is off" };
  if (target.snapStart) return { allowed: true, consents: true };
  if (policy === "snapstart") return { allowed: false, why: "THAW_SNAPSHOTS is snapstart, and this version has none" };
  return { allowed: true, consents: policy === "all" };
}

/** What the init of a process that is to be copied has done. */
export interface InitTraces {
  /** undefined: its runtime does not say */
  readonly drew: boolean | undefined;
  /** connections to the outside that were open */
  readonly sockets: number;
  /** there are processes beside the runtime, of which nobody knows what they drew */
  readonly others?: boolean;
}

/** Why copies of such a process would share what they must not, unless the owner consents; undefined: they do not. */
export function sharedTrouble({ drew, sockets, others }: InitTraces): string | undefined {
  if (drew === undefined) return "its runtime does not say whether init drew random numbers, which copies would share";
  if (drew) return "init drew random numbers, which copies would share";
  if (sockets > 0) return `init left ${sockets} connection${sockets > 1 ? "s" : ""} open, which copies would share`;
  if (others) return "init started other processes, which may have drawn random numbers that copies would share";
  return undefined;
}
