import type { Sealer } from "../../../keys/index.ts";
import type { Named, Scope } from "../../../registry/index.ts";
import { JsonError } from "../json.ts";

export interface SecretVersion {
  readonly id: string;
  /** sealed, in base64; a version may be there without a value */
  readonly sealed?: string | undefined;
  readonly binary: boolean;
  readonly created: number;
  readonly stages: readonly string[];
}

/** A secret of Secrets Manager. Times are milliseconds since the epoch. */
export interface SecretRecord {
  readonly account: string;
  /** region and name, with a colon between */
  readonly name: string;
  readonly region: string;
  readonly secret: string;
  readonly arn: string;
  readonly description?: string | undefined;
  readonly kmsKeyId?: string | undefined;
  readonly created: number;
  readonly changed: number;
  /** when it is to be gone */
  readonly deletion?: number | undefined;
  readonly deleted?: number | undefined;
  readonly versions: readonly SecretVersion[];
  readonly tags: Readonly<Record<string, string>>;
}

export const secretKind = "secret";

export interface SecretsContext {
  readonly records: Named<SecretRecord>;
  readonly sealer: Sealer;
  clock(): number;
}

export interface SecretsCall<Input> {
  readonly input: Input;
  readonly scope: Scope;
  readonly context: SecretsContext;
}

export type SecretsOperation<Input> = (call: SecretsCall<Input>) => object;

export const refusal = (code: string, message: string): JsonError => new JsonError(code, message);
export const invalidRequest = (message: string): JsonError => refusal("InvalidRequestException", message);
export const invalidParameter = (message: string): JsonError => refusal("InvalidParameterException", message);
export const recordName = ({ region }: Scope, secret: string): string => `${region}:${secret}`;

export const current = "AWSCURRENT";
export const previous = "AWSPREVIOUS";

/** By name, ARN, or ARN without its six last characters. A secret whose time has come is gone. */
export function find({ context, scope }: Omit<SecretsCall<unknown>, "input">, id: string): SecretRecord | undefined {
  const { records, clock } = context;
  const ofRegion = () => records.list(scope.account).filter(({ region }) => region === scope.region);
  const found = id.startsWith("arn:")
    ? ofRegion().find(({ arn }) => arn === id || arn.slice(0, -7) === id)
    : records.get(scope.account, recordName(scope, id));
  if (found?.deletion !== undefined && found.deletion <= clock()) {
    records.remove(found.account, found.name);
    return undefined;
  }
  return found;
}

/** Throws ResourceNotFoundException. */
export function existing(call: SecretsCall<unknown>, id: string | undefined): SecretRecord {
  const record = find(call, id ?? "");
  if (record === undefined)
    throw refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  return record;
}

/** Throws InvalidRequestException for one that is about to be deleted. */
export function usable(call: SecretsCall<unknown>, id: string | undefined): SecretRecord {
  const record = existing(call, id);
  if (record.deletion === undefined) return record;
  throw invalidRequest("You can't perform this operation on the secret because it was marked for deletion.");
}

const sealContext = (arn: string, version: string): string => `secretsmanager ${arn} ${version}`;

export function seal({ sealer }: Pick<SecretsContext, "sealer">, arn: string, id: string, value: Uint8Array): string {
  return sealer.seal(value, sealContext(arn, id)).toString("base64");
}

export function open({ sealer }: Pick<SecretsContext, "sealer">, arn: string, { id, sealed }: SecretVersion): Buffer {
  return sealer.open(Buffer.from(sealed ?? "", "base64"), sealContext(arn, id));
}

/** A version by its number, its stage, or both, which must agree. Throws ResourceNotFoundException. */
export function versionOf(record: SecretRecord, id: string | undefined, stage: string | undefined): SecretVersion {
  const wanted = stage ?? (id === undefined ? current : undefined);
  const found = record.versions.find(
    (one) => (id === undefined || one.id === id) && (wanted === undefined || one.stages.includes(wanted)),
  );
  if (found?.sealed !== undefined) return found;
  if (id !== undefined && wanted !== undefined && record.versions.some((one) => one.id === id)) {
    throw invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.");
  }
  const what = id === undefined ? `staging label: ${wanted}` : `VersionId: ${id}`;
  throw refusal("ResourceNotFoundException", `Secrets Manager can't find the specified secret value for ${what}`);
}

/** Puts stages on a version; each leaves the one it was on, and AWSCURRENT leaves AWSPREVIOUS behind. */
export function staged(versions: readonly SecretVersion[], id: string, stages: readonly string[]): SecretVersion[] {
  const before = versions.find((one) => one.stages.includes(current))?.id;
  const moves = stages.includes(current) && before !== undefined && before !== id;
  return versions.map((one) => {
    let kept = one.stages.filter((stage) => !stages.includes(stage));
    if (moves) kept = kept.filter((stage) => stage !== previous);
    if (moves && one.id === before) kept = [...kept, previous];
    return { ...one, stages: one.id === id ? [...kept.filter((stage) => !stages.includes(stage)), ...stages] : kept };
  });
}
