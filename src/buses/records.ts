import type { InputRule } from "./input.ts";

interface Scoped {
  readonly account: string;
  readonly region: string;
}

/** A bus. The one called `default` is there without a record. */
export interface BusRecord extends Scoped {
  /** region and bus, with a space between */
  readonly name: string;
  readonly bus: string;
  readonly arn: string;
  readonly description?: string | undefined;
  /** JSON of its resource policy */
  readonly policy?: string | undefined;
  /** kept and given back: `KmsKeyIdentifier`, `DeadLetterConfig`, `LogConfig` */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
  /** milliseconds since the epoch */
  readonly created: number;
  readonly modified: number;
}

export type RuleState = "ENABLED" | "DISABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

export interface RuleRecord extends Scoped {
  /** region, bus and rule, with spaces between */
  readonly name: string;
  readonly bus: string;
  readonly rule: string;
  readonly arn: string;
  readonly pattern?: string | undefined;
  readonly schedule?: string | undefined;
  readonly state: RuleState;
  readonly description?: string | undefined;
  readonly roleArn?: string | undefined;
  /** the service that made it, and that alone changes it */
  readonly managedBy?: string | undefined;
  readonly targets: readonly RuleTarget[];
  readonly tags: Readonly<Record<string, string>>;
  /** milliseconds since the epoch */
  readonly created: number;
}

/** As EventBridge's Target has it; what is not named here is kept and given back. */
export interface RuleTarget extends InputRule {
  readonly Id: string;
  readonly Arn: string;
  readonly RoleArn?: string | undefined;
  readonly SqsParameters?: { readonly MessageGroupId?: string | undefined } | undefined;
  readonly KinesisParameters?: { readonly PartitionKeyPath: string } | undefined;
  readonly RetryPolicy?: RetryPolicy | undefined;
  readonly DeadLetterConfig?: { readonly Arn?: string | undefined } | undefined;
}

export interface RetryPolicy {
  readonly MaximumRetryAttempts?: number | undefined;
  readonly MaximumEventAgeInSeconds?: number | undefined;
}

export interface ScheduleGroupRecord extends Scoped {
  /** region and group, with a space between */
  readonly name: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly created: number;
  readonly modified: number;
}

/** A schedule of the Scheduler. Times are milliseconds since the epoch. */
export interface ScheduleRecord extends Scoped {
  readonly group: string;
  readonly name: string;
  readonly arn: string;
  readonly expression: string;
  /** IANA name */
  readonly timezone: string;
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly description?: string | undefined;
  readonly state: "ENABLED" | "DISABLED";
  readonly kmsKeyArn?: string | undefined;
  /** 0: exactly then */
  readonly windowMinutes: number;
  readonly afterCompletion: "NONE" | "DELETE";
  readonly target: ScheduleTarget;
  readonly created: number;
  readonly modified: number;
}

/** As the Scheduler's Target has it; what is not named here is kept and given back. */
export interface ScheduleTarget {
  readonly Arn: string;
  readonly RoleArn: string;
  readonly Input?: string | undefined;
  readonly SqsParameters?: { readonly MessageGroupId?: string | undefined } | undefined;
  readonly KinesisParameters?: { readonly PartitionKey: string } | undefined;
  readonly EventBridgeParameters?: { readonly Source: string; readonly DetailType: string } | undefined;
  readonly RetryPolicy?: RetryPolicy | undefined;
  readonly DeadLetterConfig?: { readonly Arn?: string | undefined } | undefined;
}

export const defaultBus = "default";
export const busArn = ({ account, region }: Scoped, bus: string): string =>
  `arn:aws:events:${region}:${account}:event-bus/${bus}`;
/** The default bus has no place in the ARN of its rules. */
export const ruleArn = ({ account, region }: Scoped, bus: string, rule: string): string =>
  `arn:aws:events:${region}:${account}:rule/${bus === defaultBus ? "" : `${bus}/`}${rule}`;
export const scheduleArn = ({ account, region }: Scoped, group: string, name: string): string =>
  `arn:aws:scheduler:${region}:${account}:schedule/${group}/${name}`;
