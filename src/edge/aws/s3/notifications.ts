import { randomUUID } from "node:crypto";
import { type Buses, defaultBus, functionOf } from "../../../buses/index.ts";
import type { ServiceSender } from "../../../messages/index.ts";
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
  /** May S3 send to a queue or a topic for a bucket? Left out: it may. */
  maySend?(arn: string, sender: ServiceSender): boolean;
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

  function mayTell(bucket: BucketRecord, { kind, arn }: Pick<Rule, "kind" | "arn">): boolean {
    const call = {
      service: "s3.amazonaws.com",
      sourceArn: `arn:aws:s3:::${bucket.name}`,
      sourceAccount: bucket.account,
    };
    if (kind !== "function") return needs.maySend?.(arn, call) ?? true;
    const fn = functionOf(arn);
    if (fn === undefined || registry.functions.find(fn, fn.name) === undefined) return false;
    return registry.functionPolicies.isAllowed(fn, fn.name, fn.qualifier, call);
  }

  function postingOf(
    { bucket, exchange }: Pick<Story, "bucket"> & Partial<Story>,
    rule: Rule,
    document: object,
  ): Posting[] {
    const payload = Buffer.from(JSON.stringify(document));
    const { account, region, name } = bucket;
    if (!mayTell(bucket, rule)) return [];
    if (rule.kind !== "function") {
      const parameters: Record<string, string> = rule.kind === "topic" ? { Subject: "Amazon S3 Notification" } : {};
      return [{ to: "target", account, region, name, arn: rule.arn, payload, parameters }];
    }
    const fn = functionOf(rule.arn);
    if (fn === undefined) return [];
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
      for (const rule of rules) {
        const { kind, arn } = rule;
        if (kind === "function") {
          checkFunction(bucket, rule);
          continue;
        }
        checkArn(kind, arn);
        if (!mayTell(bucket, rule)) throw unreachable(arn, notAllowed(kind));
      }
    },
    async configured(bucket, configuration, requestId) {
      const others = rulesOf(configuration).filter(({ kind }) => kind !== "function");
      const document = testMessage(bucket, requestId, Date.now());
      await needs.post?.(others.flatMap((rule) => postingOf({ bucket }, rule, document)));
    },
  };

  function checkFunction(bucket: BucketRecord, rule: Rule): void {
    const { arn } = rule;
    const fn = functionOf(arn);
    if (fn === undefined) throw malformedArn(arn);
    const there = registry.functions.find(fn, fn.name) !== undefined;
    if (there && mayTell(bucket, rule)) return;
    throw unreachable(arn, there ? "Not authorized to invoke function" : "The destination Lambda does not exist");
  }
}

/** Whether a queue or a topic is there is known when it is first sent to. */
function checkArn(kind: "queue" | "topic", arn: string): void {
  const service = kind === "queue" ? "sqs" : "sns";
  if (!new RegExp(`^arn:[^:]+:${service}:[^:]+:\\d{12}:[\\w.-]+$`).test(arn)) throw malformedArn(arn);
  if (arn.endsWith(".fifo")) throw unreachable(arn, "FIFO destinations are not supported");
}

const notAllowed = (kind: "queue" | "topic"): string =>
  `Permissions on the destination ${kind} do not allow S3 to publish notifications from this bucket`;

const unreachable = (arn: string, why: string): S3Error =>
  new S3Error("InvalidArgument", "Unable to validate the following destination configurations", notValid(arn, why));

const malformedArn = (arn: string): S3Error =>
  new S3Error("InvalidArgument", "The ARN could not be parsed", notValid(arn, "The ARN is not well formed"));

const notValid = (arn: string, why: string) => ({ ArgumentName1: arn, ArgumentValue1: why });
