import type { KafkaConfig, SASLOptions } from "kafkajs";
import { accessOf, secretOf } from "../credentials.ts";
import type { SourceNeeds } from "../source.ts";
import type { KafkaSettings } from "./settings.ts";

export type Access = Pick<KafkaConfig, "sasl" | "ssl"> & { readonly brokers: string[] };

/** By what SourceAccessConfigurations calls them. */
const mechanisms = {
  BASIC_AUTH: "plain",
  SASL_SCRAM_256_AUTH: "scram-sha-256",
  SASL_SCRAM_512_AUTH: "scram-sha-512",
} as const;

/**
 * How a mapping's cluster is reached. With credentials or certificates that is by TLS, as AWS does it, unless the place is
 * named `kafka://host:port,host:port` (without TLS) or `kafkas://…` (with). Rejects when a secret cannot be had.
 */
export async function accessOfCluster(
  needs: SourceNeeds,
  settings: KafkaSettings,
  signal: AbortSignal,
): Promise<Access> {
  const named = placeOf(needs, settings);
  const [scheme, list] = named.includes("://") ? (named.split("://") as [string, string]) : [undefined, named];
  if (scheme !== undefined && scheme !== "kafka" && scheme !== "kafkas") {
    throw new Error(`${named} is no cluster of Kafka: kafka://host:port or kafkas://host:port is`);
  }
  const brokers = list.replace(/\/$/, "").split(",");
  const sasl = await saslOf(needs, signal);
  const certificates = await certificatesOf(needs, signal);
  const secure = scheme === undefined ? sasl !== undefined || certificates !== undefined : scheme === "kafkas";
  return { brokers, ...(sasl === undefined ? {} : { sasl }), ssl: secure ? (certificates ?? true) : false };
}

function placeOf(needs: SourceNeeds, { brokers }: KafkaSettings): string {
  const tag = needs.mapping.tags["thaw:endpoint"];
  if (tag !== undefined) return tag;
  return brokers.length > 0 ? brokers.join(",") : needs.place("kafka").url;
}

async function saslOf(needs: SourceNeeds, signal: AbortSignal): Promise<SASLOptions | undefined> {
  for (const [type, mechanism] of Object.entries(mechanisms)) {
    const id = accessOf(needs, type);
    if (id === undefined) continue;
    const { username = "", password = "" } = await secretOf(needs, id, signal);
    return { mechanism, username, password } as SASLOptions;
  }
  return undefined;
}

async function certificatesOf(needs: SourceNeeds, signal: AbortSignal) {
  const authority = accessOf(needs, "SERVER_ROOT_CA_CERTIFICATE");
  const client = accessOf(needs, "CLIENT_CERTIFICATE_TLS_AUTH");
  if (authority === undefined && client === undefined) return undefined;
  const { certificate: ca } = authority === undefined ? {} : await secretOf(needs, authority, signal);
  const { certificate, privateKey, privateKeyPassword } =
    client === undefined ? {} : await secretOf(needs, client, signal);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(privateKey === undefined ? {} : { key: privateKey }),
    ...(privateKeyPassword === undefined ? {} : { passphrase: privateKeyPassword }),
  };
}
