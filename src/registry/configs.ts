import type { Scope } from "./records.ts";

/**
 * What is configured beside a function's versions: each belongs to the function, or to one of its versions and aliases
 * (attached.ts), except for event source mappings, which stay when their function goes, as Lambda's do.
 */

/** FunctionEventInvokeConfig: how events of asynchronous invocations end. Under `$LATEST`, a version or an alias. */
export interface EventInvokeRecord {
  /** milliseconds since the epoch */
  readonly lastModified: number;
  /** 0 to 2; undefined: 2 */
  readonly maximumRetryAttempts?: number;
  /** 60 to 21,600; undefined: 21,600 */
  readonly maximumEventAgeSeconds?: number;
  /** ARN of where the record of a success, or of a failure, goes */
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

/** FunctionUrlConfig, under `$LATEST` or an alias. */
export interface FunctionUrlRecord {
  /** 32 lower-case letters and digits, never given twice: the first label of the URL's host */
  readonly urlId: string;
  readonly authType: "NONE" | "AWS_IAM";
  readonly invokeMode: "BUFFERED" | "RESPONSE_STREAM";
  /** as it was given: AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders, AllowCredentials, MaxAge */
  readonly cors?: Readonly<Record<string, unknown>>;
  /** ISO 8601 in microseconds with Z, as Lambda writes it here */
  readonly created: string;
  readonly lastModified: string;
}

/** RuntimeManagementConfig, under `$LATEST` or a version. Absent: Auto. */
export interface RuntimeManagementRecord {
  readonly updateRuntimeOn: "Auto" | "FunctionUpdate" | "Manual";
  /** of Manual */
  readonly runtimeVersionArn?: string;
}

/** RecursionConfig, of the function as a whole. Absent: Terminate. */
export interface RecursionRecord {
  readonly recursiveLoop: "Allow" | "Terminate";
}

/** What an event source mapping reads from. */
export type SourceKind =
  | "sqs"
  | "sqs-fifo"
  | "kinesis"
  | "dynamodb"
  | "msk"
  | "kafka"
  | "activemq"
  | "rabbitmq"
  | "documentdb";

export interface MappingRecord extends Scope {
  /** the key within an account: region, a space, UUID */
  readonly name: string;
  readonly uuid: string;
  readonly source: SourceKind;
  readonly functionName: string;
  /** the version or alias that is invoked; undefined: `$LATEST` by the function's unqualified ARN */
  readonly qualifier?: string;
  readonly enabled: boolean;
  /** milliseconds since the epoch */
  readonly lastModified: number;
  /** the rest of EventSourceMappingConfiguration, under AWS's own names, defaults filled in */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
}

export const mappingKey = (region: string, uuid: string): string => `${region} ${uuid}`;

export const mappingArn = ({ account, region, uuid }: Pick<MappingRecord, "account" | "region" | "uuid">): string =>
  `arn:aws:lambda:${region}:${account}:event-source-mapping:${uuid}`;
