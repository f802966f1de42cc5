import { CommandFailure, usageFailure } from "./failure.ts";

/** The options every command takes. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly endpoint?: string;
  readonly region?: string;
}

/** Where requests go and as whom. */
export interface Connection {
  /** origin without a trailing slash: http://127.0.0.1:4566 */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  /** the account that the access key id selects: itself when it is twelve digits, else 000000000000 */
  readonly account: string;
}

export const defaultEndpoint = "http://127.0.0.1:4566";

/**
 * Reads the same variables as AWS's own clients do; flags win over them.
 * Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints" and "AWS Region".
 */
export function connection(options: CommonOptions, env: NodeJS.ProcessEnv = process.env): Connection {
  const accessKeyId = env.AWS_ACCESS_KEY_ID || "test";
  return {
    endpoint: endpoint(options, env),
    region: options.region || env.AWS_REGION || env.AWS_DEFAULT_REGION || "us-east-1",
    accessKeyId,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY || "test",
    sessionToken: env.AWS_SESSION_TOKEN || undefined,
    account: /^\d{12}$/.test(accessKeyId) ? accessKeyId : "000000000000",
  };
}

function endpoint(options: CommonOptions, env: NodeJS.ProcessEnv): string {
  const [source, value] = options.endpoint
    ? ["--endpoint", options.endpoint]
    : env.AWS_ENDPOINT_URL_LAMBDA
      ? ["AWS_ENDPOINT_URL_LAMBDA", env.AWS_ENDPOINT_URL_LAMBDA]
      : env.AWS_ENDPOINT_URL
        ? ["AWS_ENDPOINT_URL", env.AWS_ENDPOINT_URL]
        : ["the default", defaultEndpoint];
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw usageFailure(
      `The endpoint ${JSON.stringify(value)} of ${source} is not an http:// or https:// address.`,
      `give one like ${defaultEndpoint}`,
    );
  }
  if (url.pathname !== "/" || url.search !== "") {
    throw usageFailure(
      `The endpoint ${JSON.stringify(value)} of ${source} has a path; only host and port count.`,
      `use ${url.origin}`,
    );
  }
  return url.origin;
}

/** A whole number within bounds from a flag's text, or a usage failure that names the flag and the value. */
export function wholeNumber(flag: string, text: string, bounds: { min: number; max: number; unit?: string }): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < bounds.min || value > bounds.max) {
    const unit = bounds.unit === undefined ? "" : ` ${bounds.unit}`;
    throw usageFailure(
      `${flag} is ${JSON.stringify(text)}; it must be a whole number from ${bounds.min} to ${bounds.max}${unit}.`,
    );
  }
  return value;
}

/** `KEY=VALUE` pairs of a repeatable flag. A later pair wins. */
export function keyValues(flag: string, pairs: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) {
      throw usageFailure(`${flag} is ${JSON.stringify(pair)}; it must look like KEY=VALUE.`);
    }
    result[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return result;
}

/** Milliseconds of a span such as 90s, 10m, 2h, 1d. */
export function spanMs(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) {
    throw usageFailure(`${flag} is ${JSON.stringify(text)}; it must be a span like 30s, 10m, 2h or 1d.`);
  }
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "ms" | "s" | "m" | "h" | "d"];
  return Number(match[1]) * unit;
}

/** Reads a file the user named, or says which flag named it and why it cannot be read. */
export async function readNamedFile(flag: string, path: string): Promise<Buffer> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path);
  } catch (error) {
    throw new CommandFailure(`${flag}: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
