import type { NamedDocument, Scope } from "../../registry/index.ts";

export type Tags = Readonly<Record<string, string>>;
export type Attributes = Readonly<Record<string, string>>;

/** A load balancer with its listeners and their rules, under the service's own names. */
export interface BalancerRecord extends NamedDocument, Scope {
  /** its ARN */
  readonly name: string;
  readonly balancerName: string;
  /** `<host>.elb.localhost` */
  readonly host: string;
  readonly createdTime: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly attributes: Attributes;
  readonly tags: Tags;
  readonly listeners: readonly Listener[];
}

export interface Listener {
  readonly ListenerArn: string;
  readonly Port: number;
  readonly Protocol: string;
  readonly DefaultActions: readonly Action[];
  readonly Certificates?: readonly object[];
  readonly SslPolicy?: string;
  readonly attributes: Attributes;
  readonly tags: Tags;
  /** without the default one, by their priorities */
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly RuleArn: string;
  readonly Priority: number;
  readonly Conditions: readonly Condition[];
  readonly Actions: readonly Action[];
  readonly tags: Tags;
}

interface Values {
  readonly Values?: readonly string[];
}

export interface Condition extends Values {
  readonly Field?: string;
  readonly HostHeaderConfig?: Values;
  readonly PathPatternConfig?: Values;
  readonly HttpHeaderConfig?: Values & { readonly HttpHeaderName?: string };
  readonly QueryStringConfig?: { readonly Values?: readonly { readonly Key?: string; readonly Value?: string }[] };
  readonly HttpRequestMethodConfig?: Values;
  readonly SourceIpConfig?: Values;
}

export interface Action {
  readonly Type: string;
  readonly Order?: number;
  readonly TargetGroupArn?: string;
  readonly ForwardConfig?: {
    readonly TargetGroups?: readonly { readonly TargetGroupArn?: string; readonly Weight?: number }[];
  };
  readonly RedirectConfig?: {
    readonly Protocol?: string;
    readonly Port?: string;
    readonly Host?: string;
    readonly Path?: string;
    readonly Query?: string;
    readonly StatusCode: string;
  };
  readonly FixedResponseConfig?: {
    readonly MessageBody?: string;
    readonly StatusCode: string;
    readonly ContentType?: string;
  };
}

/** A target group of a function. */
export interface TargetGroupRecord extends NamedDocument, Scope {
  /** its ARN */
  readonly name: string;
  readonly groupName: string;
  readonly health: HealthCheck;
  readonly attributes: Attributes;
  readonly tags: Tags;
  /** the function's ARN */
  readonly target: string | undefined;
}

export interface HealthCheck {
  readonly HealthCheckEnabled: boolean;
  readonly HealthCheckPath: string;
  readonly HealthCheckIntervalSeconds: number;
  readonly HealthCheckTimeoutSeconds: number;
  readonly HealthyThresholdCount: number;
  readonly UnhealthyThresholdCount: number;
  readonly Matcher: { readonly HttpCode?: string };
}
