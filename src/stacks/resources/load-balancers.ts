import type { Mapping } from "../../templates/index.ts";
import { isTaken } from "./calls.ts";
import {
  type Existing,
  type Handler,
  type Handlers,
  type Made,
  tagList,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

/** A resource of load balancers: what makes, changes and ends it, and how its ARN is called. */
interface Kind {
  /** `TargetGroup`: of Create…, Modify…, Delete… */
  readonly noun: string;
  readonly name?: Handler["name"];
  readonly replaces: readonly string[];
  /** not of creation: set by calls of their own */
  readonly apart: readonly string[];
  /** of Modify… */
  readonly changes: readonly string[];
  after?(work: Work, arn: string): Promise<void>;
  made?(work: Work, arn: string, answer: { text(name: string): string | undefined }): Made;
}

function of(kind: Kind): Handler {
  const arnName = `${kind.noun}Arn`;
  const call = ({ calls }: Work, action: string, input: Mapping) => calls.query("elasticloadbalancing", action, input);
  return {
    replaces: kind.replaces,
    ...(kind.name === undefined ? {} : { name: kind.name }),
    async create(work) {
      const named = kind.name === undefined ? {} : { Name: text(work.properties.Name) || work.name };
      const tags = tagList(tagsOf(work));
      const input = {
        ...without(work.properties, "Tags", ...kind.apart),
        ...named,
        ...(tags.length > 0 ? { Tags: tags } : {}),
      };
      const answer = await call(work, `Create${kind.noun}`, input).catch((error) => {
        if (!(work.again && kind.name !== undefined && isTaken(error))) throw error;
        return call(work, `Describe${kind.noun}s`, { Names: [named.Name] });
      });
      const arn = text(answer.text(arnName));
      work.exists({ physicalId: arn });
      await kind.after?.(work, arn);
      return kind.made?.(work, arn, answer) ?? { physicalId: arn, attributes: { [arnName]: arn } };
    },
    async update(work) {
      const input = Object.fromEntries(
        kind.changes.filter((name) => name in work.properties).map((name) => [name, work.properties[name]]),
      );
      if (Object.keys(input).length > 0)
        await call(work, `Modify${kind.noun}`, { [arnName]: work.physicalId, ...input });
      await kind.after?.(work, work.physicalId);
      return {};
    },
    async delete(work: Existing) {
      await call(work, `Delete${kind.noun}`, { [arnName]: work.physicalId });
    },
  };
}

const attributes =
  (noun: string, property: string) =>
  async ({ calls, properties }: Work, arn: string): Promise<void> => {
    const Attributes = properties[property];
    if (!Array.isArray(Attributes) || Attributes.length === 0) return;
    await calls.query("elasticloadbalancing", `Modify${noun}Attributes`, { [`${noun}Arn`]: arn, Attributes });
  };

/** `targetgroup/name/id` and its like: what AWS's metrics name it by. */
const fullName = (arn: string): string => arn.split(":").at(-1) ?? arn;

const targetGroup = of({
  noun: "TargetGroup",
  name: { property: "Name", most: 32 },
  replaces: ["Name", "Port", "Protocol", "TargetType", "VpcId", "IpAddressType"],
  apart: ["Targets", "TargetGroupAttributes"],
  changes: [
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
  ],
  async after(work, arn) {
    await attributes("TargetGroup", "TargetGroupAttributes")(work, arn);
    const { Targets } = work.properties;
    if (Array.isArray(Targets) && Targets.length > 0) {
      await work.calls.query("elasticloadbalancing", "RegisterTargets", { TargetGroupArn: arn, Targets });
    }
  },
  made: (_work, arn) => ({
    physicalId: arn,
    attributes: {
      TargetGroupArn: arn,
      TargetGroupFullName: fullName(arn),
      TargetGroupName: fullName(arn).split("/")[1],
      LoadBalancerArns: [],
    },
  }),
});

const loadBalancer = of({
  noun: "LoadBalancer",
  name: { property: "Name", most: 32 },
  replaces: ["Name", "Scheme", "Type"],
  apart: ["LoadBalancerAttributes"],
  changes: [],
  after: attributes("LoadBalancer", "LoadBalancerAttributes"),
  made: (_work, arn, answer) => ({
    physicalId: arn,
    attributes: {
      LoadBalancerArn: arn,
      DNSName: answer.text("DNSName"),
      CanonicalHostedZoneID: answer.text("CanonicalHostedZoneId"),
      LoadBalancerName: fullName(arn).split("/")[2],
      LoadBalancerFullName: fullName(arn).replace(/^loadbalancer\//, ""),
      SecurityGroups: [],
    },
  }),
});

export const loadBalancerHandlers: Handlers = {
  "AWS::ElasticLoadBalancingV2::LoadBalancer": loadBalancer,
  "AWS::ElasticLoadBalancingV2::TargetGroup": targetGroup,
  "AWS::ElasticLoadBalancingV2::Listener": of({
    noun: "Listener",
    replaces: ["LoadBalancerArn"],
    apart: ["ListenerAttributes"],
    changes: ["Port", "Protocol", "DefaultActions", "Certificates", "SslPolicy", "AlpnPolicy"],
    made: (_work, arn) => ({ physicalId: arn, attributes: { ListenerArn: arn } }),
  }),
  "AWS::ElasticLoadBalancingV2::ListenerRule": of({
    noun: "Rule",
    replaces: ["ListenerArn"],
    apart: [],
    changes: ["Actions", "Conditions"],
    made: (_work, arn) => ({ physicalId: arn, attributes: { RuleArn: arn } }),
  }),
};
