import { ask, type Info } from "../api.ts";
import { Card, Command, Empty, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { ms, whole } from "../words.ts";

interface Connected {
  readonly EventSourceMappings: readonly { readonly UUID: string; readonly EventSourceArn?: string }[];
}

/** How each mapping does, with what it reads. */
async function load() {
  const [{ sources }, { EventSourceMappings }] = await Promise.all([
    ask<Info>("/_thaw/info"),
    ask<Connected>("/2015-03-31/event-source-mappings/"),
  ]);
  const arns = new Map(EventSourceMappings.map(({ UUID, EventSourceArn }) => [UUID, EventSourceArn]));
  return sources.map((each) => ({ ...each, arn: arns.get(each.uuid) }));
}

/** Event source mappings: what they read, for whom, and how far behind they are. */
export function SourcesPage() {
  const sources = usePolled(load, 1500);
  return (
    <>
      <div class="title">
        <div>
          <h1>Event sources</h1>
          <p>Queues and streams that are read for functions. Lag is the age of the last record that was read.</p>
        </div>
      </div>
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
                  <th class="number">Read</th>
                  <th class="number">Filtered out</th>
                  <th class="number">Invoked</th>
                  <th class="number">Failed</th>
                  <th class="number">Dropped</th>
                </tr>
              </thead>
              <tbody>
                {(sources.value ?? []).map(
                  ({ uuid, source, functionName, state, problem, counts, iteratorAgeMs, arn }) => (
                    <tr key={uuid}>
                      <td class="wrap" title={arn ?? ""}>
                        {arn ? shortArn(arn) : source}
                        {problem && <p class="problem">{problem}</p>}
                      </td>
                      <td>
                        <a href={functionPath(nameOf(functionName))}>{nameOf(functionName)}</a>
                      </td>
                      <td>{state}</td>
                      <td class="number">{iteratorAgeMs === undefined ? "–" : ms(iteratorAgeMs)}</td>
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
const nameOf = (text: string): string => (text.startsWith("arn:") ? (text.split(":")[6] ?? text) : text);
