/**
 * What Application Auto Scaling keeps: which versions and aliases may be scaled, by which policies and at what times. The
 * names are AWS's own; what stands here is kept and given back. `name` is the key within an account.
 */
interface Scaled {
  readonly account: string;
  /** region, resource and, but for targets, the name within it, between spaces */
  readonly name: string;
  readonly region: string;
  /** `function:NAME:QUALIFIER` */
  readonly resourceId: string;
  readonly arn: string;
  /** milliseconds since the epoch */
  readonly created: number;
}

export interface ScalableTargetRecord extends Scaled {
  readonly min: number;
  readonly max: number;
  readonly suspended: {
    readonly in: boolean;
    readonly out: boolean;
    readonly scheduled: boolean;
  };
}

export interface ScalingPolicyRecord extends Scaled {
  readonly policyName: string;
  /** TargetTrackingScalingPolicyConfiguration as it was given */
  readonly configuration: {
    /** share of the provisioned environments that is in use, 0 to 1 */
    readonly TargetValue: number;
    readonly ScaleOutCooldown?: number;
    readonly ScaleInCooldown?: number;
    readonly DisableScaleIn?: boolean;
    readonly [other: string]: unknown;
  };
}

export interface ScheduledActionRecord extends Scaled {
  readonly actionName: string;
  /** `at(…)`, `rate(…)` or `cron(…)` */
  readonly schedule: string;
  /** IANA name; undefined: UTC */
  readonly timezone?: string;
  /** milliseconds since the epoch, and the same for `end` and `ran` */
  readonly start?: number;
  readonly end?: number;
  readonly min?: number;
  readonly max?: number;
  /** when it was put, or last ran: it is due at the first moment of its schedule after that */
  readonly ran: number;
}

export interface ScalingActivityRecord extends Scaled {
  readonly activityId: string;
  readonly description: string;
  readonly cause: string;
  /** what the provisioned concurrency was set to */
  readonly capacity: number;
  readonly status: "InProgress" | "Successful" | "Overridden" | "Failed";
  readonly statusMessage: string;
  /** milliseconds since the epoch */
  readonly ended?: number;
}
