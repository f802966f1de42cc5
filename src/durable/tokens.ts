import { randomBytes } from "node:crypto";

/** What a running invocation proves itself with: secret, for functions of one account are hostile to each other. */
export interface CheckpointToken {
  readonly arn: string;
  /** of the invocation; never in a log or a history */
  readonly secret: string;
  /** of the checkpoint: each one uses its token up */
  readonly sequence: number;
}

export interface CallbackToken {
  readonly arn: string;
  readonly operation: string;
  readonly secret: string;
}

export const newSecret = (): string => randomBytes(18).toString("base64url");

const write = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");

/** Undefined: not a token of ours. */
function read(token: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64").toString("utf8"));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const checkpointToken = ({ arn, secret, sequence }: CheckpointToken): string => write([arn, secret, sequence]);

export function readCheckpointToken(token: string): CheckpointToken | undefined {
  const [arn, secret, sequence] = read(token) ?? [];
  if (typeof arn !== "string" || typeof secret !== "string" || typeof sequence !== "number") return undefined;
  return { arn, secret, sequence };
}

/** At most 1,024 characters of base64, as the API model demands. */
export const callbackId = ({ arn, operation, secret }: CallbackToken): string => write([arn, operation, secret]);

export function readCallbackId(id: string): CallbackToken | undefined {
  const [arn, operation, secret] = read(id) ?? [];
  if (typeof arn !== "string" || typeof operation !== "string" || typeof secret !== "string") return undefined;
  return { arn, operation, secret };
}
