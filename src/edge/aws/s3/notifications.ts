import { randomUUID } from "node:crypto";
import { type Buses, defaultBus, functionOf } from "../../../buses/index.ts";
import type { Posting } from "../../../model/index.ts";
import type { BucketRecord, Objects } from "../../../objects/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { traced } from "../../lambda-api/lineage.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import type { Exchange } from "../service.ts";
import type { Happening } from "./call.ts";
import { S3Error } from "./errors.ts";
import { busEventOf, messageOf, type Story, testMessage } from "./notification-records.ts";
import { checkRules, isWanted, type Rule, rulesOf, tellsBus } from "./notification-rules.ts";
import type { Tree } from "./read-xml.ts";

export interface NotificationNeeds extends Pick<LambdaApiNeeds, "report" | "note"> {
  readonly registry: Registry;
  readonly objects: Objects;
  readonly buses?: Buses | undefined;
  /** Absent: nobody is told. */
  post?(postings: readonly Posting[]): Promise<void>;
}

/** Tells functions, queues, topics and the default event bus what happened to objects. */
export interface Notifications {
  /** Resolves when all that is to be told is on the disk. */
  happened(bucket: string, event: Happening, exchange: Exchange): Promise<void>;
  /** Throws InvalidArgument, in S3's words, where a bucket's configuration names nobody who could be told. */
  check(bucket: BucketRecord, configuration: Tree | string): void;
  /** Tells queues and topics that they are told from now on. */
  configured(bucket: BucketRecord, configuration: Tree | string, requestId: string): Promise<void>;
}

export function createNotifications(needs: NotificationNeeds): Notifications {
  const { registry, objects } = needs;
  let sequence = 0n;

  function mayTell(bucket: BucketRecord, arn: string): boolean {
    const fn = functionOf(arn);
    if (fn === undefined || registry.functions.find(fn, fn.name) === undefined) return false;
    const call = {
      service: "s3.amazonaws.com",
      sourceArn: `arn:aws:s3:::${bucket.name}`,
      sourceAccount: bucket.account,
    };
    return registry.functionPolicies.isAllowed(fn, fn.name, fn.qualifier, call);
  }

  function postingOf(
    { bucket, exchange }: Pick<Story, "bucket"> & Partial<Story>,
    rule: Rule,
    document: object,
  ): Posting[] {
    const payload = Buffer.from(JSON.stringify(document));
    const { account, region, name } = bucket;
    if (rule.kind !== "function") {
      const parameters: Record<string, string> = rule.kind === "topic" ? { Subject: "Amazon S3 Notification" } : {};
      return [{ to: "target", account, region, name, arn: rule.arn, payload, parameters }];
    }
    const fn = functionOf(rule.arn);
    if (fn === undefined || !mayTell(bucket, rule.arn)) return [];
    // A function that writes where it is told of would call itself without end.
    const given = exchange?.request.headers["x-amzn-trace-id"];
    const target = registry.resolve(fn.account, fn.region, fn.name, fn.qualifier);
    const trace = traced(typeof given === "string" ? given : undefined, randomUUID(), target);
    const looping = trace.looping && registry.recursion.get(fn, fn.name)?.recursiveLoop !== "Allow";
    return [{ to: "function", ...fn, invokedArn: rule.arn, payload, traceId: trace.header, looping }];
  }

  async function tell(story: Story, configuration: Tree | string): Promise<void> {
    const rules = rulesOf(configuration).filter((rule) => isWanted(rule, story.event));
    const postings = rules.flatMap((rule) => postingOf(story, rule, messageOf(story, rule.id)));
    const event = tellsBus(configuration) ? busEventOf(story) : undefined;
    const { account, region } = story.bucket;
    await Promise.all([
      needs.post?.(postings),
      event === undefined ? undefined : needs.buses?.put([{ where: { account, region, bus: defaultBus }, event }]),
    ]);
  }

  return {
    async happened(name, event, exchange) {
      const bucket = objects.bucket(name);
      const configuration = bucket?.configurations.notification as Tree | string | undefined;
      if (bucket === undefined || configuration === undefined) return;
      const now = Date.now();
      sequence = sequence >= BigInt(now) << 20n ? sequence + 1n : BigInt(now) << 20n;
      const sequencer = sequence.toString(16).toUpperCase().padStart(18, "0");
      // The object is there: whoever wrote it is not told otherwise.
      await tell({ bucket, event, exchange, sequencer, now }, configuration).catch(needs.report);
    },
    check(bucket, configuration) {
      const rules = rulesOf(configuration);
      checkRules(rules);
      for (const { kind, arn } of rules) {
        if (kind === "function") checkFunction(bucket, arn);
        else checkArn(kind, arn);
      }
    },
    async configured(bucket, configuration, requestId) {
      const others = rulesOf(configuration).filter(({ kind }) => kind !== "function");
      const document = testMessage(bucket, requestId, Date.now());
      await needs.post?.(others.flatMap((rule) => postingOf({ bucket }, rule, document)));
    },
  };

  function checkFunction(bucket: BucketRecord, arn: string): void {
    const fn = functionOf(arn);
    if (fn === undefined) throw malformedArn(arn);
    const there = registry.functions.find(fn, fn.name) !== undefined;
    if (there && mayTell(bucket, arn)) return;
    throw new S3Error(
      "InvalidArgument",
      "Unable to validate the following destination configurations",
      notValid(arn, there ? "Not authorized to invoke function" : "The destination Lambda does not exist"),
    );
  }
}

/** Whether a queue or a topic is there, and lets S3 in, is known when it is first sent to. */
function checkArn(kind: "queue" | "topic", arn: string): void {
  const service = kind === "queue" ? "sqs" : "sns";
  if (!new RegExp(`^arn:[^:]+:${service}:[^:]+:\\d{12}:[\\w.-]+$`).test(arn)) throw malformedArn(arn);
  if (!arn.endsWith(".fifo")) return;
  throw new S3Error(
    "InvalidArgument",
    "Unable to validate the following destination configurations",
    notValid(arn, "FIFO destinations are not supported"),
  );
}

const malformedArn = (arn: string): S3Error =>
  new S3Error("InvalidArgument", "The ARN could not be parsed", notValid(arn, "The ARN is not well formed"));

const notValid = (arn: string, why: string) => ({ ArgumentName1: arn, ArgumentValue1: why });
