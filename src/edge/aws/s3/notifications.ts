import { randomUUID } from "node:crypto";
import { monotonicMs } from "../../../model/index.ts";
import type { BucketRecord, Objects } from "../../../objects/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import type { Exchange } from "../service.ts";
import { canonicalId, type Happening } from "./call.ts";
import { S3Error } from "./errors.ts";
import type { Tree } from "./read-xml.ts";

export interface NotificationNeeds extends Pick<LambdaApiNeeds, "accept" | "report" | "note"> {
  readonly registry: Registry;
  readonly objects: Objects;
}

/** One configuration of a bucket's: what is told of which objects to whom. */
interface Rule {
  readonly id: string;
  readonly arn: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** Tells functions what happened to objects. */
export interface Notifications {
  happened(bucket: string, event: Happening, exchange: Exchange): void;
  /** Throws InvalidArgument, in S3's words, where a bucket's configuration names nobody who could be told. */
  check(bucket: BucketRecord, configuration: Tree | string): void;
}

export function createNotifications(needs: NotificationNeeds): Notifications {
  const { registry, objects } = needs;
  let sequence = 0n;

  function mayTell(bucket: BucketRecord, arn: string): boolean {
    const { account, region, name, qualifier } = functionOf(arn);
    const call = {
      service: "s3.amazonaws.com",
      sourceArn: `arn:aws:s3:::${bucket.name}`,
      sourceAccount: bucket.account,
    };
    return registry.functionPolicies.isAllowed({ account, region }, name, qualifier, call);
  }

  async function deliver(bucket: BucketRecord, { arn }: Rule, document: object): Promise<void> {
    if (needs.accept === undefined || !mayTell(bucket, arn)) return;
    const { account, region, name, qualifier } = functionOf(arn);
    if (registry.functions.find({ account, region }, name) === undefined) return;
    const invocation = {
      requestId: randomUUID(),
      target: registry.resolve(account, region, name, qualifier),
      invokedArn: arn,
      payload: Buffer.from(JSON.stringify(document)),
      tail: false,
      received: monotonicMs(),
    };
    await needs.accept(invocation, qualifier, false);
  }

  return {
    happened(name, event, exchange) {
      const bucket = objects.bucket(name);
      const configuration = bucket?.configurations.notification as Tree | string | undefined;
      if (bucket === undefined || configuration === undefined) return;
      sequence = sequence >= BigInt(Date.now()) << 20n ? sequence + 1n : BigInt(Date.now()) << 20n;
      const sequencer = sequence.toString(16).toUpperCase().padStart(18, "0");
      for (const rule of rulesOf(configuration)) {
        if (!isWanted(rule, event)) continue;
        const document = { Records: [recordOf(bucket, rule, event, exchange, sequencer)] };
        deliver(bucket, rule, document).catch(needs.report);
      }
    },
    check(bucket, configuration) {
      for (const kind of ["QueueConfiguration", "TopicConfiguration", "EventBridgeConfiguration"]) {
        if (typeof configuration !== "string" && configuration[kind] !== undefined) {
          throw new S3Error("NotImplemented", `Thaw notifies functions only, and has no ${kind} yet`);
        }
      }
      for (const { arn, events } of rulesOf(configuration)) {
        const wrong = events.find((name) => !/^s3:[A-Za-z]+:[A-Za-z*]+$/.test(name));
        if (wrong !== undefined || events.length === 0) {
          throw new S3Error("InvalidArgument", `A specified event is not supported for notifications: ${wrong}`);
        }
        const { account, region, name } = functionOf(arn);
        if (name === "")
          throw new S3Error(
            "InvalidArgument",
            "The ARN could not be parsed",
            notValid(arn, "The ARN is not well formed"),
          );
        const there = registry.functions.find({ account, region }, name) !== undefined;
        if (there && mayTell(bucket, arn)) continue;
        throw new S3Error(
          "InvalidArgument",
          "Unable to validate the following destination configurations",
          notValid(arn, there ? "Not authorized to invoke function" : "The destination Lambda does not exist"),
        );
      }
    },
  };
}

const notValid = (arn: string, why: string) => ({ ArgumentName1: arn, ArgumentValue1: why });

/** Source: S3 User Guide, "Event message structure", version 2.1. */
function recordOf(
  bucket: BucketRecord,
  rule: Rule,
  { name, key, size, etag, version }: Happening,
  { request, requestId, caller }: Exchange,
  sequencer: string,
): object {
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: bucket.region,
    eventTime: new Date().toISOString(),
    eventName: name,
    userIdentity: { principalId: `AWS:${caller.principal?.userId ?? caller.account}` },
    requestParameters: { sourceIPAddress: request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "127.0.0.1" },
    responseElements: {
      "x-amz-request-id": requestId,
      "x-amz-id-2": Buffer.from(`thaw/${requestId}`).toString("base64"),
    },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: rule.id,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: canonicalId(bucket.account) },
        arn: `arn:aws:s3:::${bucket.name}`,
      },
      object: {
        // As a form's value is written: a space is a plus.
        key: encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/"),
        size,
        eTag: etag,
        versionId: version,
        sequencer,
      },
    },
  };
}

function isWanted({ events, prefix, suffix }: Rule, { name, key }: Happening): boolean {
  if (!key.startsWith(prefix) || !key.endsWith(suffix)) return false;
  return events.some((wanted) => {
    const plain = wanted.replace(/^s3:/, "");
    return plain === name || (plain.endsWith(":*") && name.startsWith(plain.slice(0, -1)));
  });
}

function rulesOf(configuration: Tree | string): Rule[] {
  if (typeof configuration === "string") return [];
  return listOf(configuration.CloudFunctionConfiguration).flatMap((one) => {
    if (typeof one === "string") return [];
    const filters = filterRules(one.Filter);
    return [
      {
        id: typeof one.Id === "string" ? one.Id : "",
        arn: String(one.CloudFunction ?? ""),
        events: listOf(one.Event).filter((event): event is string => typeof event === "string"),
        prefix: filters.get("prefix") ?? "",
        suffix: filters.get("suffix") ?? "",
      },
    ];
  });
}

function filterRules(filter: Tree[string] | undefined): Map<string, string> {
  const rules = new Map<string, string>();
  for (const outer of listOf(filter)) {
    if (typeof outer === "string") continue;
    for (const key of listOf(outer.S3Key)) {
      if (typeof key === "string") continue;
      for (const rule of listOf(key.FilterRule)) {
        if (typeof rule !== "string") rules.set(String(rule.Name).toLowerCase(), String(rule.Value));
      }
    }
  }
  return rules;
}

const listOf = (value: Tree[string] | undefined): readonly (string | Tree)[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as string | Tree];

function functionOf(arn: string) {
  const [, region = "", account = "", name = "", qualifier] =
    /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:([^:]+)(?::([^:]+))?$/.exec(arn) ?? [];
  return { account, region, name, qualifier };
}
