import { ask, type Info } from "../api.ts";
import { Card, Empty, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { ms, whole } from "../words.ts";

const load = async () => (await ask<Info>("/_thaw/info")).sources;

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
            Connect a queue or a stream:{" "}
            <code>aws lambda create-event-source-mapping --function-name NAME --event-source-arn QUEUE-OR-STREAM</code>
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
                {(sources.value ?? []).map(({ uuid, source, functionName, state, problem, counts, iteratorAgeMs }) => (
                  <tr key={uuid}>
                    <td class="wrap" title={source}>
                      {shortArn(source)}
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
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

/** `sqs: orders` of a queue's ARN, the like of others. */
function shortArn(arn: string): string {
  const parts = arn.split(":");
  return parts.length < 6 ? arn : `${parts[2]}: ${parts.slice(5).join(":")}`;
}

/** Of a name, or of an ARN. */
const nameOf = (text: string): string => (text.startsWith("arn:") ? (text.split(":")[6] ?? text) : text);
