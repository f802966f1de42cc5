import type { Happening } from "./call.ts";
import { S3Error } from "./errors.ts";
import type { Tree } from "./read-xml.ts";

/** One configuration of a bucket's: what is told of which objects to whom. */
export interface Rule {
  readonly id: string;
  readonly kind: "function" | "queue" | "topic";
  readonly arn: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** The three elements that may be there several times, and what holds the ARN in each. */
export const ruleElements = {
  CloudFunctionConfiguration: { kind: "function", arn: "CloudFunction" },
  QueueConfiguration: { kind: "queue", arn: "Queue" },
  TopicConfiguration: { kind: "topic", arn: "Topic" },
} as const;

/** Of a bucket's NotificationConfiguration, as it was given. */
export function rulesOf(configuration: Tree | string): Rule[] {
  if (typeof configuration === "string") return [];
  return Object.entries(ruleElements).flatMap(([element, { kind, arn }]) =>
    listOf(configuration[element]).flatMap((one) => {
      if (typeof one === "string") return [];
      const filters = filterRules(one.Filter);
      return [
        {
          id: typeof one.Id === "string" ? one.Id : "",
          kind,
          arn: String(one[arn] ?? ""),
          events: listOf(one.Event).filter((event): event is string => typeof event === "string"),
          prefix: filters.get("prefix") ?? "",
          suffix: filters.get("suffix") ?? "",
        },
      ];
    }),
  );
}

/** Does the default event bus hear of everything in this bucket? */
export const tellsBus = (configuration: Tree | string): boolean =>
  typeof configuration !== "string" && configuration.EventBridgeConfiguration !== undefined;

export function isWanted({ events, prefix, suffix }: Rule, { name, key }: Pick<Happening, "name" | "key">): boolean {
  if (!key.startsWith(prefix) || !key.endsWith(suffix)) return false;
  return events.some((wanted) => {
    const plain = wanted.replace(/^s3:/, "");
    return plain === name || (plain.endsWith(":*") && name.startsWith(plain.slice(0, -1)));
  });
}

/** Throws InvalidArgument where events are none, or two rules would tell of the same one. Source: S3 API, PutBucketNotificationConfiguration. */
export function checkRules(rules: readonly Rule[]): void {
  for (const { events } of rules) {
    const wrong = events.find((name) => !/^s3:[A-Za-z]+:[A-Za-z*]+$/.test(name));
    if (wrong === undefined && events.length > 0) continue;
    throw new S3Error("InvalidArgument", `A specified event is not supported for notifications: ${wrong}`);
  }
  const clash = rules.some((one, index) => rules.slice(index + 1).some((other) => overlap(one, other)));
  if (!clash) return;
  throw new S3Error(
    "InvalidArgument",
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
  );
}

function overlap(one: Rule, other: Rule): boolean {
  const prefixes = one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix);
  const suffixes = one.suffix.endsWith(other.suffix) || other.suffix.endsWith(one.suffix);
  return prefixes && suffixes && one.events.some((event) => other.events.some((known) => sameEvent(event, known)));
}

function sameEvent(one: string, other: string): boolean {
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one];
  return one === other || (shorter.endsWith(":*") && longer.startsWith(shorter.slice(0, -1)));
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

export const listOf = (value: Tree[string] | undefined): readonly (string | Tree)[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as string | Tree];
