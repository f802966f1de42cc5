import { ServiceError } from "../../../model/index.ts";
import type { SourceKind } from "../../../registry/index.ts";

const notDone = (message: string) => new ServiceError("NotImplementedException", message);

interface TopicConfig {
  readonly SchemaRegistryConfig?: { readonly SchemaRegistryURI?: string };
  readonly ConsumptionMode?: string;
}

/**
 * Nothing is taken that would never be read. Throws NotImplementedException for what Lambda has and Thaw has not; the operator of a
 * real cloud never sees it.
 */
export function refuseNotDone(kind: SourceKind, settings: Readonly<Record<string, unknown>>): void {
  if (kind === "documentdb") {
    throw notDone(
      "Thaw does not read change streams of DocumentDB or MongoDB: no server that has them could be had to prove it against.",
    );
  }
  const config = (settings.AmazonManagedKafkaEventSourceConfig ??
    settings.SelfManagedKafkaEventSourceConfig ??
    {}) as TopicConfig;
  if (config.SchemaRegistryConfig?.SchemaRegistryURI !== undefined) {
    throw notDone("Thaw does not validate Kafka's records against a schema registry (SchemaRegistryConfig).");
  }
  if (config.ConsumptionMode?.toUpperCase() === "QUEUE") {
    throw notDone("Thaw reads Kafka's topics by consumer groups only, not as share groups (ConsumptionMode QUEUE).");
  }
}
