import type { Source, SourceNeeds } from "../source.ts";
import type { StreamApi } from "./api.ts";
import { failureRecord } from "./failure-record.ts";
import type { StartingPosition } from "./lineage.ts";
import type { StreamSettings } from "./needs.ts";
import { payloadOf } from "./payload.ts";
import { runStream } from "./stream.ts";

/** The source of a kind of stream. `open` makes what a mapping's stream is read with. */
export function streamSource(
  kind: "kinesis" | "dynamodb",
  open: (needs: SourceNeeds) => { readonly api: StreamApi; close?(): void },
): Source {
  return async (needs, signal) => {
    const settings = settingsOf(needs.mapping.settings);
    const { api, close } = open(needs);
    const giveUp: Parameters<typeof runStream>[0]["giveUp"] = (lost) => {
      const streamArn = streamArnOf(settings.sourceArn);
      const record = failureRecord(kind, { ...lost, functionArn: needs.functionArn, streamArn }, needs.clock());
      return needs.giveUp({ record, part: lost.shard, payload: () => payloadOf(lost.records).toString("utf8") });
    };
    await runStream({ ...needs, api, settings, giveUp }, signal).finally(close);
  };
}

/** Of a consumer of enhanced fan-out, the stream that it reads. */
export const streamArnOf = (sourceArn: string): string => sourceArn.replace(/\/consumer\/.*$/, "");

/** What a mapping says, with Lambda's defaults. */
function settingsOf(settings: Readonly<Record<string, unknown>>): StreamSettings {
  const number = (name: string, byDefault: number) => Number(settings[name] ?? byDefault);
  const age = number("MaximumRecordAgeInSeconds", -1);
  const moment = settings.StartingPositionTimestamp;
  const responses = (settings.FunctionResponseTypes ?? []) as readonly string[];
  return {
    sourceArn: String(settings.EventSourceArn),
    starting: (settings.StartingPosition ?? "TRIM_HORIZON") as StartingPosition,
    startingAt: moment === undefined ? undefined : Number(moment) * 1000,
    batchSize: number("BatchSize", 100),
    batchingSeconds: number("MaximumBatchingWindowInSeconds", 0),
    lanes: number("ParallelizationFactor", 1),
    retries: number("MaximumRetryAttempts", -1),
    mostAgeMs: age === -1 ? undefined : age * 1000,
    bisect: settings.BisectBatchOnFunctionError === true,
    reportsItems: responses.includes("ReportBatchItemFailures"),
    tumblingSeconds: number("TumblingWindowInSeconds", 0),
  };
}
