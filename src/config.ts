import { readFileSync } from "node:fs";
import { homedir, totalmem } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** What `thaw up` may be told; everything else has a default. */
export interface Options {
  readonly port?: number;
  readonly host?: string;
  readonly data?: string;
  readonly driver?: "auto" | "container" | "process";
  readonly egress?: "none" | "all";
  readonly rootfs?: string;
  /** where other services are: a URL, or `aws` (for what functions' events go to; requests are not handed on to it) */
  readonly upstream?: string;
  /** where single services are, by their signing names; before what the environment says */
  readonly upstreams?: Readonly<Record<string, string>>;
  readonly auth?: "off" | "known-keys" | "iam";
  /** TLS on the port, too; with a certificate of the platform's own unless files are named */
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** The platform's settings, decided once at start. */
export interface Config {
  /** 0 lets the kernel choose */
  readonly port: number;
  readonly host: string;
  /** everything that survives a restart */
  readonly dataDir: string;
  /** sockets; gone with the process */
  readonly runDir: string;
  /** language runtimes, shared between data directories */
  readonly runtimesDir: string;
  readonly driver: "auto" | "container" | "process";
  readonly egress: "none" | "all";
  /** whether signatures of requests are checked, and permissions of who signed them */
  readonly auth: "off" | "known-keys" | "iam";
  /** TLS beside plain HTTP on the port: by a given certificate and key (PEM), or by the platform's own */
  readonly tls: { readonly cert: string; readonly key: string } | "own" | undefined;
  /** HTTP/2 without TLS on the port; with TLS it is always there */
  readonly http2: boolean;
  /** directory used as every sandbox's root instead of one made from the host's */
  readonly rootfs: string | undefined;
  /** file with the key that secrets on the disk are sealed with; undefined: one made in the data directory */
  readonly masterKeyFile: string | undefined;
  readonly account: string;
  readonly region: string;
  readonly keepAliveMs: number;
  /** Freezing and thawing wakes every thread of a runtime once: not worth it between the calls of a burst. */
  readonly freezeAfterMs: number;
  readonly memoryBudgetBytes: number;
  /** of which function versions images of initialised processes are made (environments/snapshot-policy.ts) */
  readonly snapshots: "auto" | "all" | "snapstart" | "off";
  /** is code compiled ahead of a version's next starts (environments/compiling.ts)? */
  readonly prepare: "auto" | "off";
  /** copy what only CRIU can copy; `places`: where it may be, whether it is to be used or not */
  readonly criu: { readonly used: boolean; readonly places: readonly string[] };
  /** bytes of disk that images may take */
  readonly imageBudgetBytes: number;
  /** an image older than this is made anew in the background, milliseconds */
  readonly renewImagesAfterMs: number;
  /** where container images are pulled from, and with which passwords */
  readonly registries: {
    readonly ecr: string | undefined;
    readonly logins: Readonly<Record<string, string>>;
    /** hosts that images may come from; undefined: any */
    readonly allowed: readonly string[] | undefined;
  };
  /** folders of this machine from which callers may name images by path */
  readonly imageFolders: readonly string[];
  /** milliseconds that running invocations get to finish after SIGTERM */
  readonly drainMs: number;
  /** are invocations counted for metrics? */
  readonly metrics: "on" | "off";
  /** a collector of OpenTelemetry that is sent spans and metrics; undefined: none is */
  readonly otlp:
    | {
        readonly endpoint: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly attributes: Readonly<Record<string, string>>;
        readonly spansEveryMs: number;
        readonly metricsEveryMs: number;
      }
    | undefined;
  /** where SQS, SNS, EventBridge and S3 are: a base URL, `aws` for AWS's own; undefined: this platform */
  readonly upstream: string | undefined;
  /** where requests for services go that are not here: base URLs by signing name, in capitals and with `_` for `-` */
  readonly upstreams: ReadonlyMap<string, string>;
  /** for them, where they are not this platform; undefined: the operator has named none */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
  /** where language interpreters are looked for, as PATH has it */
  readonly path: string;
}

/** An option that cannot be used. The message names it, its value and what would be right. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Options over environment over defaults. Throws ConfigError. The only reader of `process.env` below the command line. */
export function configOf(options: Options, env: NodeJS.ProcessEnv = process.env): Config {
  const cache = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const state = env.XDG_DATA_HOME || join(homedir(), ".local", "share");
  const dataDir = resolve(options.data ?? env.THAW_DATA ?? join(state, "thaw"));
  return Object.freeze({
    port: options.port ?? whole("THAW_PORT", env.THAW_PORT, 4566, 0, 65535),
    host: options.host ?? env.THAW_HOST ?? "127.0.0.1",
    dataDir,
    runDir: join(dataDir, "run"),
    runtimesDir: resolve(env.THAW_RUNTIMES ?? join(cache, "thaw", "runtimes")),
    driver: options.driver ?? oneOf("THAW_DRIVER", env.THAW_DRIVER, ["auto", "container", "process"] as const),
    egress: options.egress ?? oneOf("THAW_EGRESS", env.THAW_EGRESS, ["none", "all"] as const),
    rootfs: options.rootfs ?? env.THAW_ROOTFS,
    auth: options.auth ?? oneOf("THAW_AUTH", env.THAW_AUTH, ["off", "known-keys", "iam"] as const),
    tls: tlsOf(options, env),
    http2: oneOf("THAW_HTTP2", env.THAW_HTTP2, ["off", "on"] as const) === "on",
    masterKeyFile: env.THAW_MASTER_KEY_FILE || undefined,
    account: "000000000000",
    region: "us-east-1",
    keepAliveMs: whole("THAW_KEEP_ALIVE_SECONDS", env.THAW_KEEP_ALIVE_SECONDS, 600, 1, 86_400) * 1e3,
    // the longest that a timer takes, 25 days
    freezeAfterMs: oneOf("THAW_FREEZE", env.THAW_FREEZE, ["on", "off"] as const) === "on" ? 50 : 2 ** 31 - 1,
    memoryBudgetBytes:
      whole("THAW_MEMORY_MB", env.THAW_MEMORY_MB, Math.floor((totalmem() * 0.7) / 2 ** 20), 64, 2 ** 30) * 2 ** 20,
    snapshots: oneOf("THAW_SNAPSHOTS", env.THAW_SNAPSHOTS, ["auto", "all", "snapstart", "off"] as const),
    prepare: oneOf("THAW_PREPARE", env.THAW_PREPARE, ["auto", "off"] as const),
    criu: criuOf(env.THAW_CRIU, env.PATH ?? ""),
    imageBudgetBytes: whole("THAW_IMAGES_MB", env.THAW_IMAGES_MB, 8192, 64, 2 ** 30) * 2 ** 20,
    renewImagesAfterMs: whole("THAW_IMAGES_HOURS", env.THAW_IMAGES_HOURS, 6, 1, 8760) * 3600e3,
    registries: {
      ecr: origin("THAW_ECR", env.THAW_ECR),
      logins: loginsOf(env.THAW_REGISTRY_LOGINS),
      allowed: hostsOf(env.THAW_IMAGE_REGISTRIES),
    },
    imageFolders: (env.THAW_IMAGE_FOLDERS ?? "").split(delimiter).filter(isAbsolute),
    drainMs: 10_000,
    metrics: oneOf("THAW_METRICS", env.THAW_METRICS, ["on", "off"] as const),
    otlp: otlpOf(env),
    upstream: upstreamOf(options.upstream ?? env.THAW_UPSTREAM),
    upstreams: new Map([...upstreamsOf(env), ...named(options.upstreams)]),
    credentials: env.AWS_ACCESS_KEY_ID
      ? {
          accessKeyId: env.AWS_ACCESS_KEY_ID,
          secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? "test",
          ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
        }
      : undefined,
    path: env.PATH ?? "",
  });
}

/** Source: OpenTelemetry, "OTLP Exporter Configuration" and "Environment Variable Specification". */
function otlpOf(env: NodeJS.ProcessEnv): Config["otlp"] {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined || endpoint === "" || env.OTEL_SDK_DISABLED === "true") return undefined;
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError(`OTEL_EXPORTER_OTLP_ENDPOINT is "${endpoint}": it must be like http://localhost:4318`);
  }
  const protocol = env.OTEL_EXPORTER_OTLP_PROTOCOL || "http/json";
  // Whoever takes protocol buffers over HTTP takes JSON on the same path.
  if (!/^http\/(?:json|protobuf)$/.test(protocol)) {
    throw new ConfigError(`OTEL_EXPORTER_OTLP_PROTOCOL is "${protocol}": Thaw speaks http/json`);
  }
  return {
    endpoint: url.href,
    headers: pairsOf("OTEL_EXPORTER_OTLP_HEADERS", env.OTEL_EXPORTER_OTLP_HEADERS),
    attributes: pairsOf("OTEL_RESOURCE_ATTRIBUTES", env.OTEL_RESOURCE_ATTRIBUTES),
    spansEveryMs: whole("OTEL_BSP_SCHEDULE_DELAY", env.OTEL_BSP_SCHEDULE_DELAY, 5000, 10, 3600_000),
    metricsEveryMs: whole("OTEL_METRIC_EXPORT_INTERVAL", env.OTEL_METRIC_EXPORT_INTERVAL, 60_000, 10, 3600_000),
  };
}

/** `a=1,b=2`, percent-encoded. */
function pairsOf(name: string, text = ""): Readonly<Record<string, string>> {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = "", ...value] = pair.split("=");
      if (key.trim() === "" || value.length === 0) {
        throw new ConfigError(`${name} has "${pair}": it must be like name=value,other=value`);
      }
      try {
        return [key.trim(), decodeURIComponent(value.join("=").trim())];
      } catch {
        throw new ConfigError(`${name} has "${pair}", which is not well percent-encoded`);
      }
    }),
  );
}

function origin(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  const url = URL.parse(value);
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/") return url.origin;
  throw new ConfigError(`${name} is "${value}": it must be like http://localhost:5000`);
}

/** Hosts between commas; undefined: nothing was said. */
function hostsOf(given: string | undefined): readonly string[] | undefined {
  const hosts = given?.split(",").map((host) => host.trim().toLowerCase());
  return hosts?.filter((host) => host !== "");
}

/** A file in the form of Docker's config.json: `{"auths":{"HOST":{"auth":base64 of user:password}}}`. */
function loginsOf(path: string | undefined): Record<string, string> {
  if (path === undefined || path === "") return {};
  try {
    const { auths = {} } = JSON.parse(readFileSync(path, "utf8")) as { auths?: Record<string, { auth?: string }> };
    const known = Object.entries(auths).filter(([, { auth }]) => auth !== undefined);
    return Object.fromEntries(known.map(([host, { auth }]) => [host, Buffer.from(auth!, "base64").toString()]));
  } catch (error) {
    throw new ConfigError(`THAW_REGISTRY_LOGINS is "${path}": ${(error as Error).message}`);
  }
}

function tlsOf(options: Options, env: NodeJS.ProcessEnv): Config["tls"] {
  const cert = options.tlsCert ?? (env.THAW_TLS_CERT || undefined);
  const key = options.tlsKey ?? (env.THAW_TLS_KEY || undefined);
  if (cert !== undefined && key !== undefined) {
    return { cert: pemOf("--tls-cert", cert), key: pemOf("--tls-key", key) };
  }
  if (cert !== undefined || key !== undefined) {
    throw new ConfigError("--tls-cert and --tls-key (THAW_TLS_CERT, THAW_TLS_KEY) go together: one of them is missing");
  }
  const wanted = options.tls ?? oneOf("THAW_TLS", env.THAW_TLS, ["off", "on"] as const) === "on";
  return wanted ? "own" : undefined;
}

function pemOf(name: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${name} is "${path}": ${(error as Error).message}`);
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new ConfigError(`${name} is "${path}": it must be a file in PEM`);
}

/** `off`, `on` (of the PATH, or where distributions put it) or the path of the program. */
function criuOf(value: string | undefined, path: string): Config["criu"] {
  const folders = [...path.split(delimiter).filter(isAbsolute), "/usr/local/sbin", "/usr/sbin"];
  const usual = folders.map((folder) => join(folder, "criu"));
  if (value === undefined || value === "" || value === "off") return { used: false, places: usual };
  if (value === "on") return { used: true, places: usual };
  if (isAbsolute(value)) return { used: true, places: [value] };
  throw new ConfigError(`THAW_CRIU is "${value}": it must be off, on or the absolute path of criu`);
}

function upstreamOf(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (value === "aws" || /^https?:$/.test(URL.parse(value)?.protocol ?? "")) return value;
  throw new ConfigError(`THAW_UPSTREAM is "${value}": it must be aws or the URL of services like AWS's`);
}

const named = (upstreams: Options["upstreams"] = {}) =>
  Object.entries(upstreams).map(([service, url]) => [service.toUpperCase().replace(/[^A-Z0-9]/g, "_"), url] as const);

/** `THAW_UPSTREAM_SQS=http://…` */
function upstreamsOf(env: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const service = /^THAW_UPSTREAM_([A-Z0-9_]+)$/.exec(name)?.[1];
    if (service === undefined || !value) continue;
    // Brokers have protocols of their own.
    const protocols = service === "KAFKA" || service === "MQ" ? /^(kafkas?|amqps?):$/ : /^https?:$/;
    if (!protocols.test(URL.parse(value)?.protocol ?? "")) {
      throw new ConfigError(`${name} is "${value}": it must be a URL like http://localhost:4567`);
    }
    found.set(service, value);
  }
  return found;
}

function whole(name: string, value: string | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined || value === "") return byDefault;
  const number = Number(value);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new ConfigError(`${name} is "${value}": it must be a whole number from ${min} to ${max}`);
}

/** The first is the default. */
function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T {
  if (value === undefined || value === "") return allowed[0]!;
  const found = allowed.find((one) => one === value);
  if (found) return found;
  throw new ConfigError(`${name} is "${value}": it must be one of ${allowed.join(", ")}`);
}
