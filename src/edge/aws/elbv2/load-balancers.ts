import type { Scope } from "../../../registry/index.ts";
import type { BalancerRecord } from "../../alb/records.ts";
import {
  arnOf,
  type BalancerCall,
  type BalancerContext,
  balancerOf,
  changedAttributes,
  newHex,
  type Paged,
  page,
  pairs,
  type Tag,
  tagsOf,
} from "./context.ts";
import { BalancerRefusal, invalid } from "./model.ts";

interface Creation {
  readonly Name: string;
  readonly Type?: string;
  readonly Scheme?: string;
  readonly Subnets?: readonly string[];
  readonly SubnetMappings?: readonly { readonly SubnetId?: string }[];
  readonly SecurityGroups?: readonly string[];
  readonly IpAddressType?: string;
  readonly Tags?: readonly Tag[];
}
type InBalancer = { readonly LoadBalancerArn: string };

/** Source: Elastic Load Balancing API Reference, "LoadBalancerAttribute"; most are kept and do nothing. */
const byDefault = {
  "access_logs.s3.enabled": "false",
  "access_logs.s3.bucket": "",
  "access_logs.s3.prefix": "",
  "connection_logs.s3.enabled": "false",
  "connection_logs.s3.bucket": "",
  "connection_logs.s3.prefix": "",
  "client_keep_alive.seconds": "3600",
  "deletion_protection.enabled": "false",
  "idle_timeout.timeout_seconds": "60",
  "ipv6.deny_all_igw_traffic": "false",
  "load_balancing.cross_zone.enabled": "true",
  "routing.http.desync_mitigation_mode": "defensive",
  "routing.http.drop_invalid_header_fields.enabled": "false",
  "routing.http.preserve_host_header.enabled": "false",
  "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
  "routing.http.xff_client_port.enabled": "false",
  "routing.http.xff_header_processing.mode": "append",
  "routing.http2.enabled": "true",
  "waf.fail_open.enabled": "false",
  "zonal_shift.config.enabled": "false",
};

export function createLoadBalancer(context: BalancerContext, { input, scope, port }: BalancerCall<Creation>) {
  const { Name, Type = "application", Scheme = "internet-facing", SecurityGroups = [], IpAddressType = "ipv4" } = input;
  if (Type !== "application")
    throw new BalancerRefusal("InvalidConfigurationRequestException", "Only application load balancers are here");
  if (!/^(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)$/.test(Name)) {
    throw invalid(
      `The load balancer name '${Name}' can only contain characters that are alphanumeric characters and hyphens(-)`,
    );
  }
  const old = context.balancers.list(scope).find(({ balancerName }) => balancerName === Name);
  if (old !== undefined) {
    // What is the same may be made again.
    if (old.settings.Scheme === Scheme) return { LoadBalancers: [view(old, port)] };
    throw new BalancerRefusal(
      "DuplicateLoadBalancerNameException",
      `A load balancer with the same name '${Name}' exists, but with different settings`,
    );
  }
  const hex = newHex();
  const host = Name.toLowerCase();
  const subnets = input.Subnets ?? (input.SubnetMappings ?? []).map(({ SubnetId = "" }) => SubnetId);
  const record: BalancerRecord = {
    account: scope.account,
    region: scope.region,
    name: arnOf(scope, `loadbalancer/app/${Name}/${hex}`),
    balancerName: Name,
    // Names are an account's and region's own; hosts are not.
    host: context.balancers.byHost(host) === undefined ? host : `${host}-${hex}`,
    createdTime: context.clock(),
    settings: {
      Scheme,
      Type,
      IpAddressType,
      SecurityGroups,
      AvailabilityZones: subnets.map((SubnetId, index) => ({
        ZoneName: `${scope.region}${"abcdef"[index % 6]}`,
        SubnetId,
      })),
    },
    attributes: byDefault,
    tags: tagsOf(input.Tags),
    listeners: [],
  };
  context.balancers.put(record);
  return { LoadBalancers: [view(record, port)] };
}

function view({ name, balancerName, host, createdTime, settings }: BalancerRecord, port: string) {
  return {
    ...settings,
    LoadBalancerArn: name,
    LoadBalancerName: balancerName,
    DNSName: `${host}.elb.localhost${port}`,
    CanonicalHostedZoneId: "Z35SXDOTRQ7X7K",
    VpcId: "vpc-00000000",
    CreatedTime: new Date(createdTime).toISOString(),
    State: { Code: "active" },
  };
}

export function describeLoadBalancers(
  context: BalancerContext,
  {
    input,
    scope,
    port,
  }: BalancerCall<Paged & { readonly LoadBalancerArns?: readonly string[]; readonly Names?: readonly string[] }>,
) {
  const { LoadBalancerArns: arns, Names: names } = input;
  const all = context.balancers.list(scope);
  const found =
    arns !== undefined
      ? arns.map((arn) => balancerOf(context, scope, arn))
      : (names?.map((name) => byName(all, name)) ?? all);
  const { items, more } = page(found, input);
  return { LoadBalancers: items.map((record) => view(record, port)), ...more };
}

function byName(all: readonly BalancerRecord[], name: string): BalancerRecord {
  const found = all.find(({ balancerName }) => balancerName === name);
  if (found === undefined)
    throw new BalancerRefusal("LoadBalancerNotFoundException", `Load balancers '[${name}]' not found`);
  return found;
}

export function deleteLoadBalancer(context: BalancerContext, { input, scope }: BalancerCall<InBalancer>) {
  const record = context.balancers.get(scope, input.LoadBalancerArn);
  // What is not there is deleted.
  if (record === undefined) return {};
  if (record.attributes["deletion_protection.enabled"] === "true") {
    throw new BalancerRefusal(
      "OperationNotPermittedException",
      `Load balancer '${record.name}' cannot be deleted because deletion protection is enabled`,
    );
  }
  context.balancers.remove(record);
  return {};
}

export function describeLoadBalancerAttributes(context: BalancerContext, { input, scope }: BalancerCall<InBalancer>) {
  return { Attributes: pairs(balancerOf(context, scope, input.LoadBalancerArn).attributes) };
}

export function modifyLoadBalancerAttributes(
  context: BalancerContext,
  { input, scope }: BalancerCall<InBalancer & { readonly Attributes: readonly Partial<Tag>[] }>,
) {
  const record = balancerOf(context, scope, input.LoadBalancerArn);
  const attributes = changedAttributes(record.attributes, input.Attributes);
  context.balancers.put({ ...record, attributes });
  return { Attributes: pairs(attributes) };
}

export function setSecurityGroups(
  context: BalancerContext,
  { input, scope }: BalancerCall<InBalancer & { readonly SecurityGroups: readonly string[] }>,
) {
  changeSettings(context, scope, input, { SecurityGroups: input.SecurityGroups });
  return { SecurityGroupIds: input.SecurityGroups };
}

export function setSubnets(
  context: BalancerContext,
  { input, scope }: BalancerCall<InBalancer & Pick<Creation, "Subnets" | "SubnetMappings">>,
) {
  const subnets = input.Subnets ?? (input.SubnetMappings ?? []).map(({ SubnetId = "" }) => SubnetId);
  const AvailabilityZones = subnets.map((SubnetId, index) => ({
    ZoneName: `${scope.region}${"abcdef"[index % 6]}`,
    SubnetId,
  }));
  changeSettings(context, scope, input, { AvailabilityZones });
  return { AvailabilityZones };
}

function changeSettings(context: BalancerContext, scope: Scope, { LoadBalancerArn }: InBalancer, change: object): void {
  const record = balancerOf(context, scope, LoadBalancerArn);
  context.balancers.put({ ...record, settings: { ...record.settings, ...change } });
}
