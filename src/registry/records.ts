import type { CodeRef, LayerRef } from "../model/index.ts";

/** Who owns something and where: the first two coordinates of every name. */
export interface Scope {
  readonly account: string;
  readonly region: string;
}

/**
 * A function's configuration under AWS's own names, as the client gave it, with AWS's defaults filled in where Lambda
 * shows a value nobody set. What stands here as `unknown` is kept and given back, and not interpreted by this room.
 */
export interface FunctionSettings {
  readonly Role: string;
  readonly Description: string;
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly PackageType: "Zip" | "Image";
  readonly Architectures: readonly ("x86_64" | "arm64")[];
  readonly EphemeralStorage: { readonly Size: number };
  readonly TracingConfig: { readonly Mode: "Active" | "PassThrough" };
  readonly SnapStart: { readonly ApplyOn: string };
  readonly LoggingConfig: {
    readonly LogFormat: "Text" | "JSON";
    readonly LogGroup: string;
    readonly ApplicationLogLevel?: string;
    readonly SystemLogLevel?: string;
  };
  readonly Runtime?: string;
  readonly Handler?: string;
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
  readonly [other: string]: unknown;
}

export type State = "Pending" | "Active" | "Failed";

/** What `$LATEST` is published to where nobody wants numbers; of functions on capacity providers only. */
export const latestPublished = "$LATEST.PUBLISHED";

/** FunctionScalingConfig of a version on a capacity provider. */
export interface ScalingRecord {
  readonly min: number;
  readonly max: number;
}

/** `$LATEST`, `$LATEST.PUBLISHED` or a published version. Immutable: a change makes a new one. */
export interface VersionRecord {
  readonly version: string;
  readonly settings: FunctionSettings;
  readonly code: CodeRef;
  readonly layers: readonly LayerRef[];
  /** FunctionVersion.key: new with every change of code or configuration */
  readonly key: string;
  /** of the update that made the content; a version has that of the $LATEST it was: decides whether there is anything to publish */
  readonly fingerprint: string;
  /** ISO 8601 with +0000, as Lambda writes it */
  readonly lastModified: string;
  readonly revisionId: string;
  readonly state: State;
  readonly stateReason?: string;
  readonly stateReasonCode?: string;
  readonly lastUpdateStatus?: "InProgress" | "Successful" | "Failed";
  readonly lastUpdateStatusReason?: string;
  readonly lastUpdateStatusReasonCode?: string;
  /** a snapshot of the initialised version was made when it was published: OptimizationStatus On */
  readonly optimized?: boolean;
  /** undefined: as many environments as Lambda keeps unless told (managed.ts) */
  readonly scaling?: ScalingRecord | undefined;
}

/** What belongs to the function rather than to one of its versions. */
export interface FunctionRecord extends Scope {
  readonly name: string;
  /** number of the version that the next publication makes; never used twice */
  readonly nextVersion: number;
  readonly reservedConcurrency?: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AliasRecord {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly revisionId: string;
  /** share (0 to 1) of the invocations that goes to other versions; at most one today */
  readonly weights?: Readonly<Record<string, number>>;
}

/** Environments that are to be kept ready for a version, or for the versions an alias leads to. */
export interface ProvisionedRecord {
  /** a version's number or an alias's name */
  readonly qualifier: string;
  /** environments asked for, 1 or more */
  readonly executions: number;
  /** ISO 8601 in whole seconds with +0000, as Lambda writes it here */
  readonly lastModified: string;
}

export interface LayerVersionRecord extends Scope {
  readonly name: string;
  readonly version: number;
  readonly description?: string;
  readonly code: CodeRef;
  readonly createdDate: string;
  readonly compatibleRuntimes?: readonly string[];
  readonly compatibleArchitectures?: readonly string[];
  readonly licenseInfo?: string;
}

export const functionArn = (scope: Scope, name: string): string =>
  `arn:aws:lambda:${scope.region}:${scope.account}:function:${name}`;

export const layerArn = (scope: Scope, name: string): string =>
  `arn:aws:lambda:${scope.region}:${scope.account}:layer:${name}`;

/** Lambda's spelling of a moment: `2026-11-21T22:04:25.000+0000`. */
export const timestamp = (): string => new Date().toISOString().replace("Z", "+0000");
