import { ask, type Info } from "../api.ts";
import { Card, Command, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { Spark } from "../parts/spark.tsx";
import { functionPath } from "../route.ts";
import { ms, whole } from "../words.ts";

interface Connected {
  readonly EventSourceMappings: readonly { readonly UUID: string; readonly EventSourceArn?: string }[];
}

/** Lags and readings as they were seen from this page, by mapping: the newest last. */
const seen = new Map<string, { readonly lag: readonly number[]; readonly read: readonly number[] }>();
const remembered = 60;

/** How each mapping does, with what it reads. */
async function load() {
  const [{ sources }, { EventSourceMappings }] = await Promise.all([
    ask<Info>("/_thaw/info"),
    ask<Connected>("/2015-03-31/event-source-mappings/"),
  ]);
  const arns = new Map(EventSourceMappings.map(({ UUID, EventSourceArn }) => [UUID, EventSourceArn]));
  return sources.map((each) => {
    const before = seen.get(each.uuid) ?? { lag: [], read: [] };
    const now = {
      lag: [...before.lag, each.iteratorAgeMs ?? 0].slice(-remembered),
      read: [...before.read, each.counts.PolledEventCount ?? 0].slice(-remembered),
    };
    seen.set(each.uuid, now);
    return { ...each, ...now, arn: arns.get(each.uuid) };
  });
}

/** Event source mappings: what they read, for whom, and how far behind they are. */
export function SourcesPage() {
  const sources = usePolled(load, 1500);
  const all = sources.value ?? [];
  const enabled = all.filter(({ state }) => state === "Enabled").length;
  const lags = all.flatMap(({ iteratorAgeMs }) => (iteratorAgeMs === undefined ? [] : [iteratorAgeMs]));
  const sum = (counter: string) => all.reduce((together, { counts }) => together + (counts[counter] ?? 0), 0);
  return (
    <>
      <div class="title">
        <div>
          <h1>Event sources</h1>
          <p>Queues and streams that are read for functions. Lag is the age of the last record that was read.</p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Mappings" value={sources.value ? whole(all.length) : "–"} hint={`${whole(enabled)} read`} />
          <Figure name="Farthest behind" value={lags.length === 0 ? "–" : ms(Math.max(...lags))} />
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
                  ({ uuid, source, functionName, state, problem, counts, iteratorAgeMs, arn, lag, read }) => (
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
                      <td class="number">{iteratorAgeMs === undefined ? "–" : ms(iteratorAgeMs)}</td>
                      <td>
                        {iteratorAgeMs === undefined ? (
                          <Spark of={stepsOf(read)} title="records read" format={whole} />
                        ) : (
                          <Spark of={lag} title="lag" format={ms} />
                        )}
                      </td>
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

/** What came between one reading and the next. */
const stepsOf = (counts: readonly number[]): number[] =>
  counts.slice(1).map((count, index) => Math.max(0, count - counts[index]!));

function State({ of }: { of: string }) {
  const good = of === "Enabled";
  return (
    <span class={`pill ${good ? "on" : ""}`}>
      <i aria-hidden="true" />
      {of}
    </span>
  );
}
