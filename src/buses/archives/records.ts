interface Scoped {
  readonly account: string;
  readonly region: string;
}

/** What keeps the events of a bus. Times are milliseconds since the epoch. */
export interface ArchiveRecord extends Scoped {
  /** region and archive, with a space between */
  readonly name: string;
  readonly archive: string;
  readonly arn: string;
  /** of the bus */
  readonly source: string;
  readonly description?: string | undefined;
  /** which events; left out: all */
  readonly pattern?: string | undefined;
  /** 0: for ever */
  readonly retentionDays: number;
  readonly kmsKeyIdentifier?: string | undefined;
  readonly created: number;
}

export type ReplayState = "STARTING" | "RUNNING" | "CANCELLING" | "COMPLETED" | "CANCELLED" | "FAILED";

/** Events of an archive that are sent to their bus once more. Times are milliseconds since the epoch. */
export interface ReplayRecord extends Scoped {
  /** region and replay, with a space between */
  readonly name: string;
  readonly replay: string;
  readonly arn: string;
  readonly description?: string | undefined;
  /** the archive's ARN */
  readonly source: string;
  /** the bus's ARN, and those of its rules that alone are told; left out: all */
  readonly destination: { readonly Arn: string; readonly FilterArns?: readonly string[] | undefined };
  readonly from: number;
  readonly until: number;
  readonly state: ReplayState;
  readonly reason?: string | undefined;
  readonly begun: number;
  readonly ended?: number | undefined;
  /** how far it has come */
  readonly cursor: { readonly at: number; readonly id: number };
}

/** A replay that has something to do yet. */
export const isGoing = ({ state }: ReplayRecord): boolean =>
  state === "STARTING" || state === "RUNNING" || state === "CANCELLING";

export const archiveArn = ({ account, region }: Scoped, archive: string): string =>
  `arn:aws:events:${region}:${account}:archive/${archive}`;
export const replayArn = ({ account, region }: Scoped, replay: string): string =>
  `arn:aws:events:${region}:${account}:replay/${replay}`;
