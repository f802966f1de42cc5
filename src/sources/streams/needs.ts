import type { SourceNeeds } from "../source.ts";
import type { StreamApi } from "./api.ts";
import type { GivenUp } from "./failure-record.ts";
import type { StartingPosition } from "./lineage.ts";

/** What a mapping says about how its stream is read. */
export interface StreamSettings {
  readonly sourceArn: string;
  readonly starting: StartingPosition;
  /** of AT_TIMESTAMP, milliseconds since the epoch */
  readonly startingAt: number | undefined;
  readonly batchSize: number;
  readonly batchingSeconds: number;
  /** ParallelizationFactor */
  readonly lanes: number;
  /** MaximumRetryAttempts; -1: without end */
  readonly retries: number;
  /** MaximumRecordAgeInSeconds, in milliseconds; undefined: as long as the stream keeps it */
  readonly mostAgeMs: number | undefined;
  readonly bisect: boolean;
  readonly reportsItems: boolean;
  /** TumblingWindowInSeconds; 0: none */
  readonly tumblingSeconds: number;
}

/** What a reader of streams uses of all that sources have. */
export interface StreamNeeds
  extends Pick<
    SourceNeeds,
    "checkpoints" | "clock" | "wants" | "invoke" | "count" | "iteratorAge" | "result" | "problem" | "report"
  > {
  readonly api: StreamApi;
  readonly settings: StreamSettings;
  /** Tells the on-failure destination; resolves when that cannot be lost any more. */
  giveUp(lost: Omit<GivenUp, "functionArn" | "streamArn">): Promise<void>;
}
