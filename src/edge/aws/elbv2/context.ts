import { randomBytes } from "node:crypto";
import type { Registry, Scope } from "../../../registry/index.ts";
import type { Balancers } from "../../alb/balancers.ts";
import type { Health } from "../../alb/health.ts";
import type { BalancerRecord, Listener, Tags, TargetGroupRecord } from "../../alb/records.ts";
import { BalancerRefusal, invalid } from "./model.ts";

/** What the actions work with. */
export interface BalancerContext {
  readonly balancers: Balancers;
  readonly health: Health;
  readonly registry: Pick<Registry, "functionPolicies" | "functions">;
  readonly clock: () => number;
}

/** One call; the input has been checked against the model. */
export interface BalancerCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  /** the port of the platform, as the client reached it, with its colon; empty: the usual one */
  readonly port: string;
}

export interface Tag {
  readonly Key: string;
  readonly Value?: string;
}

export const newHex = (): string => randomBytes(8).toString("hex");

export const arnOf = ({ region, account }: Scope, rest: string): string =>
  `arn:aws:elasticloadbalancing:${region}:${account}:${rest}`;

export const tagsOf = (tags: readonly Tag[] = []): Tags =>
  Object.fromEntries(tags.map(({ Key, Value = "" }) => [Key, Value]));

/** Throws LoadBalancerNotFound. */
export function balancerOf({ balancers }: BalancerContext, scope: Scope, arn: string): BalancerRecord {
  const record = balancers.get(scope, arn);
  if (record === undefined)
    throw new BalancerRefusal("LoadBalancerNotFoundException", `Load balancer '${arn}' not found`);
  return record;
}

/** Throws TargetGroupNotFound. */
export function groupOf({ balancers }: BalancerContext, { account }: Scope, arn: string): TargetGroupRecord {
  const record = balancers.groups.get(account, arn);
  if (record === undefined)
    throw new BalancerRefusal("TargetGroupNotFoundException", `Target group '${arn}' not found`);
  return record;
}

/** A listener and what it belongs to. Throws ListenerNotFound. */
export function listenerOf({ balancers }: BalancerContext, scope: Scope, arn: string) {
  for (const record of balancers.list(scope)) {
    const listener = record.listeners.find(({ ListenerArn }) => ListenerArn === arn);
    if (listener !== undefined) return { record, listener };
  }
  throw new BalancerRefusal("ListenerNotFoundException", `Listener '${arn}' not found`);
}

/** A rule and what it belongs to. Throws RuleNotFound. */
export function ruleOf({ balancers }: BalancerContext, scope: Scope, arn: string) {
  for (const record of balancers.list(scope)) {
    for (const listener of record.listeners) {
      const rule = listener.rules.find(({ RuleArn }) => RuleArn === arn);
      if (rule !== undefined) return { record, listener, rule };
    }
  }
  throw new BalancerRefusal("RuleNotFoundException", `Rule '${arn}' not found`);
}

export function putListener({ balancers }: BalancerContext, record: BalancerRecord, changed: Listener): void {
  const others = record.listeners.filter(({ ListenerArn }) => ListenerArn !== changed.ListenerArn);
  const listeners = [...others, changed].sort((one, other) => one.Port - other.Port);
  balancers.put({ ...record, listeners });
}

/** Every target group that a load balancer's rules lead to. */
export function groupsIn({ listeners }: BalancerRecord): Set<string> {
  const actions = listeners.flatMap(({ DefaultActions, rules }) => [
    DefaultActions,
    ...rules.map(({ Actions }) => Actions),
  ]);
  const arns = actions
    .flat()
    .flatMap(({ TargetGroupArn, ForwardConfig }) => [
      TargetGroupArn,
      ...(ForwardConfig?.TargetGroups ?? []).map((group) => group.TargetGroupArn),
    ]);
  return new Set(arns.filter((arn) => arn !== undefined));
}

export interface Paged {
  readonly Marker?: string;
  readonly PageSize?: number;
}

/** One page; the marker is the position of the next one. Throws ValidationError. */
export function page<T>(items: readonly T[], { Marker, PageSize = 400 }: Paged) {
  const start = Marker === undefined ? 0 : Number(Buffer.from(Marker, "base64url").toString());
  if (!Number.isInteger(start) || start < 0) throw invalid(`The marker '${Marker}' is not valid`);
  const end = start + PageSize;
  const more = end < items.length ? { NextMarker: Buffer.from(String(end)).toString("base64url") } : {};
  return { items: items.slice(start, end), more };
}

export const pairs = (attributes: Readonly<Record<string, string>>) =>
  Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));

/** Attributes after a change. Throws ValidationError for one that is not there. */
export function changedAttributes(
  known: Readonly<Record<string, string>>,
  given: readonly { readonly Key?: string; readonly Value?: string }[],
) {
  for (const { Key = "" } of given) {
    if (!Object.hasOwn(known, Key)) throw invalid(`The attribute '${Key}' is not supported here`);
  }
  return { ...known, ...Object.fromEntries(given.map(({ Key = "", Value = "" }) => [Key, Value])) };
}
