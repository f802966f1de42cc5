import { ask } from "./api.ts";

export interface SnapshotView {
  readonly state: "none" | "waiting" | "making" | "ready" | "refused";
  readonly why: string;
  readonly bytes?: number;
  readonly pages?: number;
  readonly threads?: number;
  readonly madeAt?: number;
}

export interface RungView {
  readonly ms?: number;
  readonly starts: number;
  readonly failures: number;
  readonly lastFailure?: string;
}

/** How the environments of one function version start. */
export interface VersionView {
  readonly function: string;
  readonly version: string;
  readonly environments: number;
  readonly provisioned?: { readonly requested?: number; readonly [more: string]: unknown };
  readonly rung?: string;
  readonly why: string;
  readonly rungs: Readonly<Record<string, RungView>>;
  readonly image: SnapshotView;
  readonly pool: SnapshotView;
}

export const loadVersions = async (): Promise<readonly VersionView[]> =>
  (await ask<{ versions: VersionView[] }>("/_thaw/environments")).versions;
