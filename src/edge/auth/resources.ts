import type { Scope } from "../../registry/index.ts";

type Input = Readonly<Record<string, unknown>>;

/**
 * What a request to one of the services around Lambda is about, as policies name it. `*`: nothing that has a name, or nothing
 * that policies distinguish. Source: Service Authorization Reference, the page of each service.
 */
export function resourcesOf(service: string, operation: string, input: unknown, scope: Scope): readonly string[] {
  const given = (typeof input === "object" && input !== null ? input : {}) as Input;
  const named = Object.hasOwn(services, service) ? services[service]?.(given, scope, operation) : undefined;
  return named === undefined || named.length === 0 ? ["*"] : named;
}

type Resources = (input: Input, scope: Scope, operation: string) => readonly string[];

const services: Readonly<Record<string, Resources>> = {
  logs: (input, scope) => {
    const group = text(input.logGroupName) ?? text(input.logGroupIdentifier) ?? text(input.resourceArn);
    const several = [...list(input.logGroupNames), ...list(input.logGroupIdentifiers)];
    const groups = group === undefined ? several : [group];
    return groups.map((name) => {
      const arn = name.startsWith("arn:") ? name.replace(/:\*$/, "") : arnOf("logs", scope, `log-group:${name}`);
      const stream = text(input.logStreamName);
      return stream === undefined ? `${arn}:*` : `${arn}:log-stream:${stream}`;
    });
  },

  ssm: (input, scope) => {
    const one =
      text(input.Name) ?? text(input.Path) ?? (input.ResourceType === "Parameter" ? text(input.ResourceId) : undefined);
    const names = one === undefined ? list(input.Names) : [one];
    // A name's version or label (`name:3`) is no part of its ARN, and neither is the slash that it begins with.
    return names.map((name) =>
      name.startsWith("arn:")
        ? name
        : arnOf("ssm", scope, `parameter/${name.replace(/^\//, "").replace(/:[^/:]*$/, "")}`),
    );
  },

  secretsmanager: (input, scope) => {
    const one = text(input.SecretId) ?? text(input.Name);
    const names = one === undefined ? list(input.SecretIdList) : [one];
    return names.map((name) => (name.startsWith("arn:") ? name : arnOf("secretsmanager", scope, `secret:${name}`)));
  },

  kms: (input, scope) => {
    const key = text(input.KeyId) ?? text(input.TargetKeyId);
    const alias = text(input.AliasName);
    const names = [key, alias].filter((name) => name !== undefined);
    return names.map((name) => {
      if (name.startsWith("arn:")) return name;
      return arnOf("kms", scope, name.startsWith("alias/") ? name : `key/${name}`);
    });
  },

  signer: (input, scope) => {
    const profile = text(input.profileName);
    const job = text(input.jobId);
    if (profile !== undefined) return [arnOf("signer", scope, `/signing-profiles/${profile}`)];
    if (job !== undefined) return [arnOf("signer", scope, `/signing-jobs/${job}`)];
    return text(input.resourceArn) === undefined ? [] : [String(input.resourceArn)];
  },

  events: (input, scope, operation) => {
    const buses = [text(input.EventBusName) ?? text(input.Name) ?? "default"];
    const busArn = (name: string) => (name.startsWith("arn:") ? name : arnOf("events", scope, `event-bus/${name}`));
    if (operation === "PutEvents") {
      return listOf(input.Entries).map(({ EventBusName }) => busArn(text(EventBusName) ?? "default"));
    }
    if (text(input.ResourceARN) !== undefined) return [String(input.ResourceARN)];
    if (/EventBus$|Permission$|^ListRule/.test(operation)) return buses.map(busArn);
    for (const kind of ["Archive", "Replay"]) {
      const name = text(input[`${kind}Name`]);
      if (name !== undefined) return [arnOf("events", scope, `${kind.toLowerCase()}/${name}`)];
    }
    const rule = text(input.Rule) ?? text(input.Name);
    if (rule === undefined || !/Rule$|Target/.test(operation)) return [];
    const bus = (text(input.EventBusName) ?? "default").replace(/^arn:.*:event-bus\//, "");
    return [arnOf("events", scope, `rule/${bus === "default" ? "" : `${bus}/`}${rule}`)];
  },

  scheduler: (input, scope, operation) => {
    if (text(input.ResourceArn) !== undefined) return [String(input.ResourceArn)];
    const name = text(input.Name);
    if (name === undefined) return [];
    if (operation.endsWith("ScheduleGroup")) return [arnOf("scheduler", scope, `schedule-group/${name}`)];
    return [arnOf("scheduler", scope, `schedule/${text(input.GroupName) ?? "default"}/${name}`)];
  },

  "application-autoscaling": (input) => (text(input.ResourceARN) === undefined ? [] : [String(input.ResourceARN)]),
};

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
const listOf = (value: unknown): readonly Input[] => (Array.isArray(value) ? (value as Input[]) : []);
const arnOf = (service: string, { account, region }: Scope, rest: string): string =>
  `arn:aws:${service}:${region}:${account}:${rest}`;
