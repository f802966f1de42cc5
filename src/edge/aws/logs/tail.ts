import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { StartLiveTailRequest } from "@aws-sdk/client-cloudwatch-logs";
import type { LogEvent } from "../../../observe/index.ts";
import { eventMessage } from "../../lambda-api/event-stream.ts";
import type { Exchange } from "../service.ts";
import { groupNameOf, groupOf, invalid, type LogsCall } from "./context.ts";
import { patternOf } from "./events.ts";

/** Most events of one update; what comes faster is sampled. A session ends after three hours. Source: API reference, StartLiveTail. */
const mostEvents = 500;
const longestMs = 3 * 3600_000;
const everyMs = 1000;

/** Sends what is written to groups from now on, once a second, until the client goes. Resolves when the answer has begun. */
export async function liveTail(call: LogsCall<StartLiveTailRequest>, exchange: Exchange): Promise<void> {
  const { input, scope, context } = call;
  const { response, requestId } = exchange;
  const groups = [];
  for (const given of input.logGroupIdentifiers ?? []) groups.push(await groupOf(call, groupNameOf(given)));
  const { logStreamNames, logStreamNamePrefixes, logEventFilterPattern } = input;
  if (groups.length > 1 && (logStreamNames ?? logStreamNamePrefixes) !== undefined) {
    throw invalid("Log streams can be given with one log group only.");
  }
  const pattern = patternOf(logEventFilterPattern);
  const wanted = ({ stream, message }: LogEvent) =>
    (logStreamNames?.includes(stream) ?? true) &&
    (logStreamNamePrefixes?.some((prefix) => stream.startsWith(prefix)) ?? true) &&
    pattern(message) !== undefined;

  response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": requestId });
  const send = (type: string, document: object) =>
    response.write(
      eventMessage(
        { ":message-type": "event", ":event-type": type, ":content-type": "application/json" },
        Buffer.from(JSON.stringify(document)),
      ),
    );
  send("initial-response", {});
  send("sessionStart", {
    requestId,
    sessionId: randomUUID(),
    logGroupIdentifiers: input.logGroupIdentifiers,
    logStreamNames: logStreamNames ?? [],
    logStreamNamePrefixes: logStreamNamePrefixes ?? [],
    logEventFilterPattern: logEventFilterPattern ?? "",
  });

  const ended = new AbortController();
  let results: object[] = [];
  let sampled = false;
  for (const { account, name } of groups) {
    const follow = async () => {
      const since = context.clock();
      for await (const event of context.logs.follow({ account, group: name, since }, ended.signal)) {
        if (!wanted(event)) continue;
        const { stream, timestamp, message } = event;
        if (results.length >= mostEvents) sampled = true;
        else {
          results.push({
            logStreamName: stream,
            logGroupIdentifier: `${scope.account}:${name}`,
            message,
            timestamp,
            ingestionTime: Math.max(timestamp, context.clock()),
          });
        }
      }
    };
    void follow();
  }
  const update = () => {
    // A client that does not read is not waited for: its updates are left out.
    if (!response.writableNeedDrain) {
      send("sessionUpdate", { sessionMetadata: { sampled }, sessionResults: results });
    } else sampled = results.length > 0;
    results = [];
    sampled = false;
  };
  const timer = setInterval(update, everyMs);
  const limit = setTimeout(() => ended.abort(), longestMs);
  response.once("close", () => ended.abort());
  call.context.closing.addEventListener("abort", () => ended.abort(), { once: true, signal: ended.signal });
  once(ended.signal, "abort").then(() => {
    clearInterval(timer);
    clearTimeout(limit);
    response.end();
  });
}
