import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Event,
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  InvokeCommand,
  type InvokeCommandInput,
  type LambdaClient,
  PublishLayerVersionCommand,
} from "@aws-sdk/client-lambda";
import { createFunction, zipOf } from "./lambda.ts";

/** What the tests of durable executions share: functions of fixtures/durable.cjs, and how an execution is followed. */

export interface Ended {
  readonly arn: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what its function answers
  readonly result: any;
  readonly functionError: string | undefined;
}

/** Publishes an SDK's folder as a layer. */
export async function sdkLayer(client: LambdaClient, name: string, folder: string): Promise<string> {
  const made = await client.send(
    new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile: await zipOf(folder) } }),
  );
  return made.LayerVersionArn!;
}

/** A durable function for each exported handler. */
export async function durableFunction(
  client: LambdaClient,
  handler: string,
  layer: string,
  config: { ExecutionTimeout: number; RetentionPeriodInDays?: number } | null = { ExecutionTimeout: 300 },
  name = handler,
): Promise<string> {
  const source = readFileSync(join(import.meta.dirname, "fixtures", "durable.cjs"), "utf8");
  await createFunction(client, name, {
    code: { "index.js": source },
    Handler: `index.${handler}`,
    Layers: [layer],
    ...(config === null ? {} : { DurableConfig: config }),
  });
  return `${name}:$LATEST`;
}

/** Invokes and waits for the end of the execution. */
export async function run(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
): Promise<Ended> {
  const answer = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), ...more }));
  const text = answer.Payload?.transformToString() ?? "";
  return {
    arn: answer.DurableExecutionArn ?? "",
    result: text === "" ? undefined : JSON.parse(text),
    functionError: answer.FunctionError,
  };
}

/** Starts an execution that nobody waits for. */
export async function begin(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
) {
  const { arn } = await run(client, name, event, { InvocationType: "Event", ...more });
  return arn;
}

export async function historyOf(client: LambdaClient, arn: string): Promise<Event[]> {
  const events: Event[] = [];
  let Marker: string | undefined;
  do {
    const page = await client.send(
      new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, IncludeExecutionData: true, Marker }),
    );
    events.push(...(page.Events ?? []));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return events;
}

export const typesOf = (events: readonly Event[]): string[] => events.map((event) => event.EventType ?? "");

/** Asks until `find` finds something. */
export async function eventually<T>(what: string, find: () => Promise<T | undefined>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1e3;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The execution, when it has ended. */
export const ended = (client: LambdaClient, arn: string, seconds = 60) =>
  eventually(
    `the end of ${arn}`,
    async () => {
      const execution = await client.send(new GetDurableExecutionCommand({ DurableExecutionArn: arn }));
      return execution.Status === "RUNNING" ? undefined : execution;
    },
    seconds,
  );

/** The first event of a type, when there is one. */
export const event = (client: LambdaClient, arn: string, type: string) =>
  eventually(`${type} of ${arn}`, async () => (await historyOf(client, arn)).find((one) => one.EventType === type));
