import { ask, askService, type Info, type Mapping } from "../api.ts";
import { Card, Command, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { Spark } from "../parts/spark.tsx";
import { functionPath } from "../route.ts";
import { ms, whole } from "../words.ts";

interface Connected {
  readonly EventSourceMappings: readonly { readonly UUID: string; readonly EventSourceArn?: string }[];
}

/** How far behind a mapping is: the age of what was read last, or the records that wait. */
interface Lag {
  readonly value: number;
  readonly format: (value: number) => string;
}

const waiting = (value: number): Lag => ({ value, format: (many) => `${whole(many)} waiting` });

/** Lags as they were seen from this page, by mapping: the newest last. */
const seen = new Map<string, readonly number[]>();
const remembered = 60;

/** How each mapping does, with what it reads. */
async function load() {
  const [{ sources }, { EventSourceMappings }] = await Promise.all([
    ask<Info>("/_thaw/info"),
    ask<Connected>("/2015-03-31/event-source-mappings/"),
  ]);
  const arns = new Map(EventSourceMappings.map(({ UUID, EventSourceArn }) => [UUID, EventSourceArn]));
  return Promise.all(
    sources.map(async (each) => {
      const arn = arns.get(each.uuid);
      const lag = await lagOf(each, arn);
      const course = [...(seen.get(each.uuid) ?? []), lag?.value ?? 0].slice(-remembered);
      seen.set(each.uuid, course);
      return { ...each, arn, lag, course };
    }),
  );
}

async function lagOf({ iteratorAgeMs, offsetLag }: Mapping, arn: string | undefined): Promise<Lag | undefined> {
  if (iteratorAgeMs !== undefined) return { value: iteratorAgeMs, format: ms };
  if (offsetLag !== undefined) return waiting(offsetLag);
  const [, , service, , , name] = (arn ?? "").split(":");
  if (service !== "sqs") return undefined;
  try {
    const { QueueUrl } = await askService<{ QueueUrl: string }>("sqs", "AmazonSQS.GetQueueUrl", { QueueName: name });
    const { Attributes } = await askService<{ Attributes?: Record<string, string> }>(
      "sqs",
      "AmazonSQS.GetQueueAttributes",
      { QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] },
    );
    return waiting(Number(Attributes?.ApproximateNumberOfMessages ?? 0));
  } catch {
    // The queue is elsewhere: nothing is known of it here.
    return undefined;
  }
}

/** Event source mappings: what they read, for whom, and how far behind they are. */
export function SourcesPage() {
  const sources = usePolled(load, 1500);
  const all = sources.value ?? [];
  const enabled = all.filter(({ state }) => state === "Enabled").length;
  const lags = all.flatMap(({ lag }) => (lag === undefined ? [] : [lag])).sort((one, other) => other.value - one.value);
  const sum = (counter: string) => all.reduce((together, { counts }) => together + (counts[counter] ?? 0), 0);
  return (
    <>
      <div class="title">
        <div>
          <h1>Event sources</h1>
          <p>
            Queues and streams that are read for functions. Lag is the age of the last record that was read, or how many
            wait.
          </p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Mappings" value={sources.value ? whole(all.length) : "–"} hint={`${whole(enabled)} read`} />
          <Figure name="Farthest behind" value={lags[0] === undefined ? "–" : lags[0].format(lags[0].value)} />
          <Figure name="Records read" value={whole(sum("PolledEventCount"))} hint="since the platform started" />
          <Figure name="Failed" value={whole(sum("FailedInvokeEventCount"))} />
        </dl>
      </Card>
      <Card>
        <Problem text={sources.problem} />
        {sources.value?.length === 0 ? (
          <Empty title="Nothing is read yet">
            Connect a queue or a stream to a function.
            <Command text="aws lambda create-event-source-mapping --function-name NAME --event-source-arn QUEUE-OR-STREAM" />
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Source</th>
                  <th>Function</th>
                  <th>State</th>
                  <th class="number">Lag</th>
                  <th>Its last minutes</th>
                  <th class="number">Read</th>
                  <th class="number">Filtered out</th>
                  <th class="number">Invoked</th>
                  <th class="number">Failed</th>
                  <th class="number">Dropped</th>
                </tr>
              </thead>
              <tbody>
                {(sources.value ?? []).map(
                  ({ uuid, source, functionName, state, problem, counts, arn, lag, course }) => (
                    <tr key={uuid}>
                      <td class="wrap" title={arn ?? ""}>
                        {arn ? shortArn(arn) : source}
                        {problem && <p class="problem">{problem}</p>}
                      </td>
                      <td>
                        <a href={functionPath(nameOf(functionName))}>{nameOf(functionName)}</a>
                      </td>
                      <td>
                        <State of={state} />
                      </td>
                      <td class="number">{lag === undefined ? "–" : lag.format(lag.value)}</td>
                      <td>{lag && <Spark of={course} title="lag" format={lag.format} />}</td>
                      <td class="number">{whole(counts.PolledEventCount ?? 0)}</td>
                      <td class="number">{whole(counts.FilteredOutEventCount ?? 0)}</td>
                      <td class="number">{whole(counts.InvokedEventCount ?? 0)}</td>
                      <td class="number">{whole(counts.FailedInvokeEventCount ?? 0)}</td>
                      <td class="number">{whole(counts.DroppedEventCount ?? 0)}</td>
                    </tr>
                  ),
                )}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

/** `sqs orders` of a queue's ARN, the like of others. */
function shortArn(arn: string): string {
  const parts = arn.split(":");
  return parts.length < 6 ? arn : `${parts[2]} ${parts.slice(5).join(":").split("/stream/")[0]}`;
}

/** Of a name, or of an ARN. */
export const nameOf = (text: string): string => (text.startsWith("arn:") ? (text.split(":")[6] ?? text) : text);

function State({ of }: { of: string }) {
  const good = of === "Enabled";
  return (
    <span class={`pill ${good ? "on" : ""}`}>
      <i aria-hidden="true" />
      {of}
    </span>
  );
}
