import {
  attributesOf,
  digestOf,
  given,
  mappingOf,
  objectOf,
  picked,
  type SamContext,
  SamError,
  type SamResource,
  tagList,
} from "./context.ts";

const attributeTypes: Readonly<Record<string, string>> = { String: "S", Number: "N", Binary: "B" };

/** AWS::Serverless::SimpleTable: a table with one key. */
export function transformTable(context: SamContext, { id, body, properties }: SamResource): void {
  const { Name = "id", Type = "String" } = mappingOf(properties.PrimaryKey);
  const type = attributeTypes[String(Type)];
  if (type === undefined) throw new SamError(id, `Property 'PrimaryKey.Type' must be one of String, Number, Binary`);
  const throughput = properties.ProvisionedThroughput;
  const settings = given({
    ...picked(properties, ["TableName", "SSESpecification", "PointInTimeRecoverySpecification"]),
    AttributeDefinitions: [{ AttributeName: Name, AttributeType: type }],
    KeySchema: [{ AttributeName: Name, KeyType: "HASH" }],
    ProvisionedThroughput: throughput,
    BillingMode: throughput === undefined ? "PAY_PER_REQUEST" : undefined,
    Tags: properties.Tags === undefined ? undefined : tagList(properties.Tags),
  });
  context.add(id, "AWS::DynamoDB::Table", settings, attributesOf(body));
}

/** AWS::Serverless::LayerVersion: its id names its content, so that another content makes another version. */
export function transformLayer(context: SamContext, { id, body, properties }: SamResource): void {
  if (properties.ContentUri === undefined) throw new SamError(id, "Missing required property 'ContentUri'.");
  const policy = context.plain(properties.RetentionPolicy) ?? "Retain";
  if (typeof policy !== "string" || !/^(retain|delete)$/i.test(policy)) {
    throw new SamError(id, "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete'].");
  }
  const settings = given({
    Content: objectOf(id, "ContentUri", properties.ContentUri),
    LayerName: properties.LayerName ?? id,
    ...picked(properties, ["Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures"]),
  });
  const made = `${id}${digestOf(settings).slice(0, 10)}`;
  const kept = policy.toLowerCase() === "delete" ? "Delete" : "Retain";
  context.add(made, "AWS::Lambda::LayerVersion", settings, { ...attributesOf(body), DeletionPolicy: kept });
  context.alias(id, "", made);
}

/** AWS::Serverless::Application: a stack of the stack, from a template in a bucket. */
export function transformApplication(context: SamContext, { id, body, properties }: SamResource): void {
  const { Location } = properties;
  if (Location === undefined) throw new SamError(id, "Missing required property 'Location'.");
  if (typeof Location === "object" && "ApplicationId" in mappingOf(Location)) {
    throw new SamError(
      id,
      "'Location' names an application of the Serverless Application Repository, which is not here.",
    );
  }
  const settings = given({
    TemplateURL: Location,
    ...picked(properties, ["Parameters", "NotificationARNs", "TimeoutInMinutes"]),
    Tags: properties.Tags === undefined ? undefined : tagList(properties.Tags),
  });
  context.add(id, "AWS::CloudFormation::Stack", settings, attributesOf(body));
}
