import { ask, askService } from "../api.ts";
import { events } from "../live.ts";
import { Card, Command, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { whole } from "../words.ts";

interface Depth {
  readonly key: string;
  readonly events: number;
}

interface SqsQueue {
  readonly url: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const most = 100;

async function loadSqs(): Promise<readonly SqsQueue[]> {
  const { QueueUrls = [] } = await askService<{ QueueUrls?: string[] }>("sqs", "AmazonSQS.ListQueues", {});
  return Promise.all(
    QueueUrls.slice(0, most).map(async (url) => {
      const wanted = { QueueUrl: url, AttributeNames: ["All"] };
      const answer = await askService<{ Attributes?: Record<string, string> }>(
        "sqs",
        "AmazonSQS.GetQueueAttributes",
        wanted,
      );
      return { url, attributes: answer.Attributes ?? {} };
    }),
  );
}

/** Events that wait for their function, and the queues of SQS with the letters that nobody could deliver. */
export function QueuesPage() {
  const depths = usePolled(async () => (await ask<{ queues: Depth[] }>("/_thaw/queues")).queues, 1000);
  const sqs = usePolled(loadSqs, 2500);
  const now = events.value;
  const letterBoxes = new Set(
    (sqs.value ?? []).flatMap(({ attributes }) => {
      if (attributes.RedrivePolicy === undefined) return [];
      return [String((JSON.parse(attributes.RedrivePolicy) as { deadLetterTargetArn?: string }).deadLetterTargetArn)];
    }),
  );
  return (
    <>
      <div class="title">
        <div>
          <h1>Queues</h1>
          <p>Asynchronous invocations on the disk until they are over, and what could not be delivered.</p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Waiting" value={whole(now.waiting ?? 0)} hint="running ones included" />
          <Figure name="Running" value={whole(now.running ?? 0)} />
          <Figure name="Received" value={whole(now.asyncEventsReceived ?? 0)} hint="since the start" />
          <Figure name="Dropped" value={whole(now.asyncEventsDropped ?? 0)} />
          <Figure
            name="Not delivered"
            value={whole((now.deadLetterErrors ?? 0) + (now.destinationDeliveryFailures ?? 0))}
            hint="records and letters"
          />
        </dl>
      </Card>
      <div class="columns">
        <Card title="Asynchronous invocations">
          <Problem text={depths.problem} />
          {depths.value?.length === 0 ? (
            <Empty title="Every event is over">
              Send one that nobody waits for.
              <Command text="aws lambda invoke --invocation-type Event --function-name NAME /dev/stdout" />
            </Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th>Queue</th>
                  <th class="number">Events</th>
                </tr>
              </thead>
              <tbody>
                {(depths.value ?? []).map(({ key, events: waiting }) => (
                  <tr key={key}>
                    <td class="wrap">
                      <QueueName of={key} />
                    </td>
                    <td class="number">{whole(waiting)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
        <Card title="SQS">
          <Problem text={sqs.problem} />
          {sqs.value?.length === 0 ? (
            <Empty title="No queue yet">
              A dead-letter queue keeps events whose function failed for good.
              <Command text="aws sqs create-queue --queue-name letters" />
            </Empty>
          ) : (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Queue</th>
                    <th class="number">Visible</th>
                    <th class="number">In flight</th>
                    <th class="number">Delayed</th>
                  </tr>
                </thead>
                <tbody>
                  {(sqs.value ?? []).map(({ url, attributes }) => (
                    <tr key={url}>
                      <td class="wrap">
                        {url.slice(url.lastIndexOf("/") + 1)}
                        {letterBoxes.has(attributes.QueueArn ?? "") && <small class="soft"> · dead letters</small>}
                      </td>
                      <td class="number">{whole(Number(attributes.ApproximateNumberOfMessages ?? 0))}</td>
                      <td class="number">{whole(Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0))}</td>
                      <td class="number">{whole(Number(attributes.ApproximateNumberOfMessagesDelayed ?? 0))}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Card>
      </div>
    </>
  );
}

/** `run ACCOUNT REGION NAME QUALIFIER`, or whatever goes elsewhere. */
function QueueName({ of }: { of: string }) {
  const [kind, , , name = "", qualifier] = of.split(" ");
  if (kind !== "run") return <span class="mono">{of}</span>;
  return (
    <>
      <a href={functionPath(name)}>{name}</a>
      {qualifier && qualifier !== "$LATEST" && <small class="soft"> : {qualifier}</small>}
    </>
  );
}
