import type { Source } from "../source.ts";
import { streamArnOf, streamSource } from "../streams/reading.ts";
import { createKinesisApi } from "./api.ts";
import { createFanOut } from "./fan-out.ts";

const service = { service: "kinesis", target: "Kinesis_20131202", version: "1.1" } as const;

/** AWS lets five requests a second read a shard, whoever they are of; Lambda makes one. */
const idleMs = { aws: 1000, others: 250 };

/** Streams of Kinesis: polled, or where the mapping names a consumer, pushed (enhanced fan-out). */
export const kinesis: Source = streamSource("kinesis", (needs) => {
  const sourceArn = String(needs.mapping.settings.EventSourceArn);
  const region = sourceArn.split(":")[3]!;
  const source = {
    region,
    sourceArn,
    // The role may be another one by and by.
    get roleArn() {
      return needs.roleArn();
    },
  };
  const call = needs.calls(service);
  const place = () => needs.place("kinesis");
  const fanOut = sourceArn.includes("/consumer/") ? createFanOut(source, place) : undefined;
  const api = createKinesisApi(source, streamArnOf(sourceArn), {
    call,
    ...(fanOut === undefined ? {} : { read: fanOut.read }),
    get idleMs() {
      return place().url === "aws" ? idleMs.aws : idleMs.others;
    },
  });
  return { api, ...(fanOut === undefined ? {} : { close: fanOut.close }) };
});
