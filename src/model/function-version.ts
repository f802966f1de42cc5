/** One function version, `$LATEST` included, as everything below the API needs it. Frozen; a change makes a new one. */
export interface FunctionVersion {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** `$LATEST`, `$LATEST.PUBLISHED` or a number as text */
  readonly version: string;
  /** qualified with the version unless `$LATEST` */
  readonly arn: string;
  /**
   * Names the pool of environments that may serve it: changes with every change of code or configuration, so that an
   * update can never be answered by an environment of before.
   */
  readonly key: string;
  readonly runtime: string;
  readonly handler: string;
  readonly architecture: "x86_64" | "arm64";
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly ephemeralMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly code: CodeRef;
  /** ImageConfig, of a function whose code is a container image: what is given takes the place of what the image says */
  readonly image?: ImageSettings | undefined;
  readonly layers: readonly LayerRef[];
  readonly logFormat: "Text" | "JSON";
  readonly logGroup: string;
  readonly applicationLogLevel: string;
  readonly systemLogLevel: string;
  readonly tracing: "Active" | "PassThrough";
  /** undefined: no reservation */
  readonly reservedConcurrency: number | undefined;
  /** environments that provisioned concurrency keeps ready for this version, by its number and by aliases; 0: none */
  readonly provisionedConcurrency: number;
  /** a published version of a function with SnapStart (ApplyOn=PublishedVersions); never `$LATEST` */
  readonly snapStart: boolean;
  /** the key that its environment variables are sealed with, where it has one of its own */
  readonly kmsKeyArn?: string | undefined;
  /** private network with no way out, or the host's network */
  readonly network: "none" | "egress";
  /** every invocation is some tenant's, and no environment serves two of them (TenancyConfig PER_TENANT) */
  readonly perTenant?: boolean;
  /** it runs on a capacity provider: environments that serve several events at once, as many as its scaling says */
  readonly managed?: ManagedInstances | undefined;
  /** it exists and is complete, and is not to be invoked: the state that says why */
  readonly standing?: "ActiveNonInvocable" | "Deactivated" | undefined;
  /** its invocations are durable executions: they outlive the environment they run in; undefined: they do not */
  readonly durable?: DurableSettings | undefined;
}

/** CapacityProviderConfig and FunctionScalingConfig. */
export interface ManagedInstances {
  readonly providerArn: string;
  /** events that one environment serves at once, at most */
  readonly concurrency: number;
  readonly cpus: number;
  readonly minEnvironments: number;
  readonly maxEnvironments: number;
}

/** ImageConfig. */
export interface ImageSettings {
  readonly entryPoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly workingDirectory?: string | undefined;
}

/** DurableConfig. */
export interface DurableSettings {
  readonly timeoutSeconds: number;
  readonly retentionDays: number;
  readonly kmsKeyArn?: string | undefined;
}

/** Bytes in the artifact store. */
export interface CodeRef {
  /** lower-case hex SHA-256 of the zip: its address */
  readonly digest: string;
  /** bytes, zipped */
  readonly size: number;
  /** it is a container image: `digest` is its manifest's, and `size` 0 */
  readonly image?: { readonly uri: string; readonly resolved: string };
  /** the object of S3 that it was read from, where it is to be named (S3ObjectStorageMode REFERENCE) */
  readonly reference?: {
    readonly S3Bucket: string;
    readonly S3Key: string;
    readonly S3ObjectVersion?: string | undefined;
  };
  /** whose signature it carries, where that was checked */
  readonly signing?: { readonly profileVersionArn: string; readonly jobArn: string };
}

export interface LayerRef extends CodeRef {
  readonly arn: string;
}

/** Lambda's CodeSha256: base64 of the same hash, of an image its digest in hex. */
export function codeSha256(code: CodeRef): string {
  if (code.image !== undefined) return code.digest;
  return Buffer.from(code.digest, "hex").toString("base64");
}
