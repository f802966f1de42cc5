import { ServiceError } from "../model/index.ts";
import type { SourceKind } from "../registry/index.ts";
import { RemoteError } from "../remote/index.ts";
import type { SourceNeeds } from "./source.ts";
import { openQueue } from "./sqs/remote-queue.ts";

/** A mapping that is to be made, and its function. */
export interface Looking {
  readonly source: SourceKind;
  readonly arn: string;
  readonly calls: SourceNeeds["calls"];
  /** that the function may run */
  readonly timeoutSeconds: number;
}

const patienceMs = 3000;
const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);

const looks: Readonly<Partial<Record<SourceKind, (looking: Looking, signal: AbortSignal) => Promise<void>>>> = {
  sqs: lookAtQueue,
  "sqs-fifo": lookAtQueue,
  kinesis: lookAtStream,
  dynamodb: lookAtTable,
};

/**
 * Looks for the queue, stream or table of a mapping, and whether the queue hides messages for as long as the function may run.
 * What cannot be asked now (nobody answers, or not the function's role) may be there: it is looked for when it is read. Throws
 * InvalidParameterValueException. Source of the texts: refusals of Lambda recorded in public.
 */
export async function checkSource(looking: Looking): Promise<void> {
  try {
    await looks[looking.source]?.(looking, AbortSignal.timeout(patienceMs));
  } catch (error) {
    if (error instanceof ServiceError) throw error;
  }
}

async function lookAtQueue({ calls, arn, timeoutSeconds }: Looking, signal: AbortSignal): Promise<void> {
  const call = calls({ service: "sqs", target: "AmazonSQS", version: "1.0" });
  let seconds: number;
  try {
    const queue = await openQueue(call, arn, { signal, clock: Date.now });
    seconds = (await queue.visibilityMs()) / 1000;
  } catch (error) {
    if (!isGone(error)) throw error;
    throw invalid(
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
    );
  }
  if (seconds >= timeoutSeconds) return;
  throw invalid(
    `Queue visibility timeout: ${seconds} seconds is less than Function timeout: ${timeoutSeconds} seconds`,
  );
}

async function lookAtStream({ calls, arn }: Looking, signal: AbortSignal): Promise<void> {
  const call = calls({ service: "kinesis", target: "Kinesis_20131202", version: "1.1" });
  const [StreamARN = ""] = arn.split("/consumer/");
  const input = { StreamARN, StreamName: StreamARN.split("/")[1] };
  await call("DescribeStreamSummary", input, signal).catch((error) => notFound(error, arn));
}

async function lookAtTable({ calls, arn }: Looking, signal: AbortSignal): Promise<void> {
  const target = "DynamoDBStreams_20120810";
  const call = calls({ service: "dynamodb", endpoint: "streams.dynamodb", target, version: "1.0" });
  const describe = (StreamArn: string) => call("DescribeStream", { StreamArn, Limit: 1 }, signal);
  try {
    await describe(arn);
  } catch (error) {
    // DynamoDB Local has a region and an account of its own.
    const local = arn.replace(/^(arn:aws:dynamodb):[^:]*:[^:]*:/, "$1:ddblocal:000000000000:");
    if (!isGone(error) || (await describe(local).catch(() => undefined)) === undefined) notFound(error, arn);
  }
}

function notFound(error: unknown, arn: string): never {
  if (isGone(error)) throw invalid(`Stream not found: ${arn}`);
  throw error;
}

const isGone = (error: unknown): boolean =>
  error instanceof RemoteError &&
  /^(QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue|ResourceNotFoundException)$/.test(error.code);
