import { isMapping, type Mapping } from "../../templates/index.ts";

/** Elements by name; a list is that element several times. */
export interface XmlTree {
  readonly [name: string]: string | XmlTree | readonly (string | XmlTree)[] | undefined;
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function xmlText(tree: XmlTree): string {
  return Object.entries(tree)
    .map(([name, value]) => {
      if (value === undefined) return "";
      const all = Array.isArray(value) ? (value as readonly (string | XmlTree)[]) : [value as string | XmlTree];
      return all
        .map((each) => `<${name}>${typeof each === "string" ? escaped(each) : xmlText(each)}</${name}>`)
        .join("");
    })
    .join("");
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character]!);
const listOf = (value: unknown): Mapping[] => (Array.isArray(value) ? value.filter(isMapping) : []);

/** CloudFormation's NotificationConfiguration as S3 has it. Source: both references, PutBucketNotificationConfiguration. */
export function notifications(configuration: Mapping): XmlTree {
  const one = (arn: string) => (each: Mapping) => ({
    [arn]: String(each[arn === "CloudFunction" ? "Function" : arn]),
    Event: String(each.Event),
    ...filterOf(each.Filter),
  });
  return {
    TopicConfiguration: listOf(configuration.TopicConfigurations).map(one("Topic")),
    QueueConfiguration: listOf(configuration.QueueConfigurations).map(one("Queue")),
    CloudFunctionConfiguration: listOf(configuration.LambdaConfigurations).map(one("CloudFunction")),
    ...(isMapping(configuration.EventBridgeConfiguration) &&
    configuration.EventBridgeConfiguration.EventBridgeEnabled !== false
      ? { EventBridgeConfiguration: {} }
      : {}),
  };
}

function filterOf(filter: unknown): XmlTree {
  const key = isMapping(filter) && isMapping(filter.S3Key) ? filter.S3Key : {};
  const rules = listOf(key.Rules).map(({ Name, Value }) => ({
    Name: String(Name).toLowerCase(),
    Value: String(Value),
  }));
  return rules.length === 0 ? {} : { Filter: { S3Key: { FilterRule: rules } } };
}

export function cors(rules: readonly Mapping[]): XmlTree {
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    CORSRule: rules.map((rule) => ({
      ID: rule.Id === undefined ? undefined : String(rule.Id),
      AllowedHeader: texts(rule.AllowedHeaders),
      AllowedMethod: texts(rule.AllowedMethods),
      AllowedOrigin: texts(rule.AllowedOrigins),
      ExposeHeader: texts(rule.ExposedHeaders),
      MaxAgeSeconds: rule.MaxAge === undefined ? undefined : String(rule.MaxAge),
    })),
  };
}
