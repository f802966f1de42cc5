import { BlockList, isIPv6 } from "node:net";
import type { Scope } from "../../../registry/index.ts";
import type { Action, Condition, Listener, Rule } from "../../alb/records.ts";
import {
  type BalancerCall,
  type BalancerContext,
  balancerOf,
  changedAttributes,
  groupOf,
  listenerOf,
  newHex,
  type Paged,
  page,
  pairs,
  putListener,
  ruleOf,
  type Tag,
  tagsOf,
} from "./context.ts";
import { BalancerRefusal, invalid } from "./model.ts";

type InListener = { readonly ListenerArn: string };
type InRule = { readonly RuleArn: string };
type ListenerInput = Partial<Pick<Listener, "Port" | "Protocol" | "DefaultActions" | "Certificates" | "SslPolicy">>;

export function createListener(
  context: BalancerContext,
  { input, scope }: BalancerCall<{ readonly LoadBalancerArn: string; readonly Tags?: readonly Tag[] } & ListenerInput>,
) {
  const record = balancerOf(context, scope, input.LoadBalancerArn);
  const { LoadBalancerArn, Tags, Port, Protocol, DefaultActions = [], ...rest } = input;
  if (Port === undefined || Protocol === undefined) throw invalid("A port and a protocol must be specified");
  if (record.listeners.some((one) => one.Port === Port)) {
    throw new BalancerRefusal(
      "DuplicateListenerException",
      "A listener already exists on this port for this load balancer",
    );
  }
  const listener: Listener = {
    ...rest,
    ListenerArn: LoadBalancerArn.replace(":loadbalancer/", ":listener/").concat(`/${newHex()}`),
    Port,
    Protocol,
    DefaultActions,
    attributes: { "routing.http.response.server.enabled": "true" },
    tags: tagsOf(Tags),
    rules: [],
  };
  checkListener(context, scope, listener);
  putListener(context, record, listener);
  return { Listeners: [listenerView(listener, record.name)] };
}

function checkListener(
  context: BalancerContext,
  scope: Scope,
  { Protocol, DefaultActions, Certificates = [] }: Listener,
): void {
  if (Protocol !== "HTTP" && Protocol !== "HTTPS") {
    throw new BalancerRefusal(
      "UnsupportedProtocolException",
      `Protocol '${Protocol}' is not supported by application load balancers`,
    );
  }
  if (Protocol === "HTTPS" && Certificates.length === 0) {
    throw new BalancerRefusal("CertificateNotFoundException", "A certificate must be specified for HTTPS listeners");
  }
  checkActions(context, scope, DefaultActions);
}

function checkActions(context: BalancerContext, scope: Scope, actions: readonly Action[]): void {
  const last = [...actions].sort((one, other) => (one.Order ?? 0) - (other.Order ?? 0)).at(-1);
  if (last === undefined) throw invalid("At least one action must be specified");
  for (const action of actions) {
    const { Type, TargetGroupArn, ForwardConfig, RedirectConfig, FixedResponseConfig } = action;
    const groups = [TargetGroupArn, ...(ForwardConfig?.TargetGroups ?? []).map((group) => group.TargetGroupArn)];
    for (const arn of groups) if (arn !== undefined) groupOf(context, scope, arn);
    if (Type === "forward" && groups.every((arn) => arn === undefined))
      throw invalid("A target group ARN must be specified");
    if (Type === "redirect" && RedirectConfig === undefined)
      throw invalid("A redirect configuration must be specified");
    if (Type === "fixed-response" && !/^[245]\d\d$/.test(FixedResponseConfig?.StatusCode ?? "")) {
      throw invalid("A fixed-response configuration with a status code of 2XX, 4XX or 5XX must be specified");
    }
    if (!["forward", "redirect", "fixed-response"].includes(Type)) {
      throw new BalancerRefusal("InvalidLoadBalancerActionException", `The action type '${Type}' is not here`);
    }
  }
}

const listenerView = ({ attributes: _a, tags: _t, rules: _r, ...listener }: Listener, LoadBalancerArn: string) => ({
  ...listener,
  LoadBalancerArn,
});

export function describeListeners(
  context: BalancerContext,
  {
    input,
    scope,
  }: BalancerCall<Paged & { readonly LoadBalancerArn?: string; readonly ListenerArns?: readonly string[] }>,
) {
  const { LoadBalancerArn, ListenerArns } = input;
  const found =
    ListenerArns?.map((arn) => listenerOf(context, scope, arn)) ??
    all(context, scope, LoadBalancerArn).flatMap((record) =>
      record.listeners.map((listener) => ({ record, listener })),
    );
  const { items, more } = page(found, input);
  return { Listeners: items.map(({ record, listener }) => listenerView(listener, record.name)), ...more };
}

function all(context: BalancerContext, scope: Scope, arn: string | undefined) {
  if (arn === undefined) throw invalid("Either listener ARNs or a load balancer ARN must be specified");
  return [balancerOf(context, scope, arn)];
}

export function modifyListener(context: BalancerContext, { input, scope }: BalancerCall<InListener & ListenerInput>) {
  const { record, listener } = listenerOf(context, scope, input.ListenerArn);
  const changed: Listener = { ...listener, ...input };
  if (record.listeners.some((one) => one.Port === changed.Port && one.ListenerArn !== changed.ListenerArn)) {
    throw new BalancerRefusal(
      "DuplicateListenerException",
      "A listener already exists on this port for this load balancer",
    );
  }
  checkListener(context, scope, changed);
  putListener(context, record, changed);
  return { Listeners: [listenerView(changed, record.name)] };
}

export function deleteListener(context: BalancerContext, { input, scope }: BalancerCall<InListener>) {
  const { record, listener } = listenerOf(context, scope, input.ListenerArn);
  context.balancers.put({ ...record, listeners: record.listeners.filter((one) => one !== listener) });
  return {};
}

export function describeListenerAttributes(context: BalancerContext, { input, scope }: BalancerCall<InListener>) {
  return { Attributes: pairs(listenerOf(context, scope, input.ListenerArn).listener.attributes) };
}

export function modifyListenerAttributes(
  context: BalancerContext,
  { input, scope }: BalancerCall<InListener & { readonly Attributes: readonly Partial<Tag>[] }>,
) {
  const { record, listener } = listenerOf(context, scope, input.ListenerArn);
  const attributes = changedAttributes(listener.attributes, input.Attributes);
  putListener(context, record, { ...listener, attributes });
  return { Attributes: pairs(attributes) };
}

type RuleInput = { readonly Conditions?: readonly Condition[]; readonly Actions?: readonly Action[] };

export function createRule(
  context: BalancerContext,
  {
    input,
    scope,
  }: BalancerCall<InListener & RuleInput & { readonly Priority: number; readonly Tags?: readonly Tag[] }>,
) {
  const { record, listener } = listenerOf(context, scope, input.ListenerArn);
  const rule: Rule = {
    RuleArn: listener.ListenerArn.replace(":listener/", ":listener-rule/").concat(`/${newHex()}`),
    Priority: input.Priority,
    Conditions: input.Conditions ?? [],
    Actions: input.Actions ?? [],
    tags: tagsOf(input.Tags),
  };
  checkRule(context, scope, rule);
  putRules(context, record, listener, [...listener.rules, rule]);
  return { Rules: [ruleView(rule)] };
}

function putRules(
  context: BalancerContext,
  record: Parameters<typeof putListener>[1],
  listener: Listener,
  rules: readonly Rule[],
): void {
  if (new Set(rules.map(({ Priority }) => Priority)).size !== rules.length) {
    throw new BalancerRefusal("PriorityInUseException", "A priority is currently in use");
  }
  putListener(context, record, { ...listener, rules: [...rules].sort((one, other) => one.Priority - other.Priority) });
}

function checkRule(context: BalancerContext, scope: Scope, { Conditions, Actions }: Rule): void {
  if (Conditions.length === 0) throw invalid("A condition must be specified");
  for (const condition of Conditions) checkCondition(condition);
  checkActions(context, scope, Actions);
}

function checkCondition(condition: Condition): void {
  const { Field = "", Values: own = [] } = condition;
  const configs: Readonly<Record<string, { readonly Values?: readonly unknown[] } | undefined>> = {
    "host-header": condition.HostHeaderConfig,
    "path-pattern": condition.PathPatternConfig,
    "http-header": condition.HttpHeaderConfig,
    "query-string": condition.QueryStringConfig,
    "http-request-method": condition.HttpRequestMethodConfig,
    "source-ip": condition.SourceIpConfig,
  };
  if (!Object.hasOwn(configs, Field)) {
    throw invalid(
      `Condition field '${Field}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'`,
    );
  }
  const values = configs[Field]?.Values ?? own;
  if (values.length === 0) throw invalid(`A condition value must be specified for '${Field}'`);
  if (Field === "http-header" && (condition.HttpHeaderConfig?.HttpHeaderName ?? "") === "") {
    throw invalid("A header name must be specified");
  }
  if (Field !== "source-ip") return;
  for (const range of values.map(String)) {
    const [network = "", bits = "none"] = range.split("/");
    try {
      new BlockList().addSubnet(network, Number(bits), isIPv6(network) ? "ipv6" : "ipv4");
    } catch {
      throw invalid(`The value '${range}' is not a valid CIDR block`);
    }
  }
}

const ruleView = ({ tags: _tags, Priority, ...rule }: Rule) => ({
  ...rule,
  Priority: String(Priority),
  IsDefault: false,
});

export function describeRules(
  context: BalancerContext,
  { input, scope }: BalancerCall<Paged & Partial<InListener> & { readonly RuleArns?: readonly string[] }>,
) {
  const { ListenerArn, RuleArns } = input;
  if (ListenerArn === undefined && RuleArns === undefined)
    throw invalid("A listener ARN or rule ARNs must be specified");
  if (RuleArns !== undefined) return { Rules: RuleArns.map((arn) => ruleView(ruleOf(context, scope, arn).rule)) };
  const { listener } = listenerOf(context, scope, ListenerArn ?? "");
  const last = {
    RuleArn: listener.ListenerArn.replace(":listener/", ":listener-rule/").concat("/default"),
    Priority: "default",
    Conditions: [],
    Actions: listener.DefaultActions,
    IsDefault: true,
  };
  const { items, more } = page<object>([...listener.rules.map(ruleView), last], input);
  return { Rules: items, ...more };
}

export function modifyRule(context: BalancerContext, { input, scope }: BalancerCall<InRule & RuleInput>) {
  const { record, listener, rule } = ruleOf(context, scope, input.RuleArn);
  const { Conditions = rule.Conditions, Actions = rule.Actions } = input;
  const changed = { ...rule, Conditions, Actions };
  checkRule(context, scope, changed);
  putRules(context, record, listener, [...listener.rules.filter((one) => one !== rule), changed]);
  return { Rules: [ruleView(changed)] };
}

export function deleteRule(context: BalancerContext, { input, scope }: BalancerCall<InRule>) {
  const { record, listener, rule } = ruleOf(context, scope, input.RuleArn);
  putRules(
    context,
    record,
    listener,
    listener.rules.filter((one) => one !== rule),
  );
  return {};
}

export function setRulePriorities(
  context: BalancerContext,
  {
    input,
    scope,
  }: BalancerCall<{ readonly RulePriorities: readonly { readonly RuleArn?: string; readonly Priority?: number }[] }>,
) {
  const wished = new Map(input.RulePriorities.map(({ RuleArn = "", Priority = 0 }) => [RuleArn, Priority]));
  const [first = ""] = wished.keys();
  const { record, listener } = ruleOf(context, scope, first);
  for (const arn of wished.keys()) ruleOf(context, scope, arn);
  const rules = listener.rules.map((rule) => ({ ...rule, Priority: wished.get(rule.RuleArn) ?? rule.Priority }));
  putRules(context, record, listener, rules);
  return { Rules: rules.filter(({ RuleArn }) => wished.has(RuleArn)).map(ruleView) };
}

export function describeListenerCertificates(context: BalancerContext, { input, scope }: BalancerCall<InListener>) {
  const { Certificates = [] } = listenerOf(context, scope, input.ListenerArn).listener;
  return { Certificates: Certificates.map((certificate) => ({ ...certificate, IsDefault: true })) };
}
