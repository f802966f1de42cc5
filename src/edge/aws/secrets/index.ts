import type { Sealer } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { type JsonService, modelIn, serveJson, withContext } from "../json.ts";
import type { AwsService } from "../service.ts";
import {
  batchGetSecretValue,
  describeSecret,
  getRandomPassword,
  getSecretValue,
  listSecrets,
  listSecretVersionIds,
} from "./reading.ts";
import { find, type SecretRecord, type SecretsContext, secretKind } from "./store.ts";
import {
  createSecret,
  deleteSecret,
  putSecretValue,
  restoreSecret,
  tagResource,
  untagResource,
  updateSecret,
  updateSecretVersionStage,
} from "./writing.ts";

export interface SecretsNeeds {
  readonly registry: Pick<Registry, "named">;
  readonly sealer?: Sealer | undefined;
  report(error: unknown): void;
}

const operations = {
  BatchGetSecretValue: batchGetSecretValue,
  CreateSecret: createSecret,
  DeleteSecret: deleteSecret,
  DescribeSecret: describeSecret,
  GetRandomPassword: getRandomPassword,
  GetSecretValue: getSecretValue,
  ListSecretVersionIds: listSecretVersionIds,
  ListSecrets: listSecrets,
  PutSecretValue: putSecretValue,
  RestoreSecret: restoreSecret,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateSecret: updateSecret,
  UpdateSecretVersionStage: updateSecretVersionStage,
};

/** AWS Secrets Manager. Values are sealed with the platform's master key, whatever KmsKeyId says; nothing rotates by itself. */
export function createSecrets({ registry, sealer, report }: SecretsNeeds): AwsService {
  if (sealer === undefined) throw new ServiceError("NotImplementedException", "There is no master key here");
  const context: SecretsContext = { records: registry.named<SecretRecord>(secretKind), sealer, clock: Date.now };
  const service: JsonService = {
    prefix: "secretsmanager.",
    model: modelIn(import.meta.dirname),
    operations: withContext(operations, context),
    resources(_operation, input, scope) {
      const { SecretId, SecretIdList = [] } = input as { SecretId?: string; SecretIdList?: readonly string[] };
      const given = SecretId === undefined ? SecretIdList : [SecretId];
      if (given.length === 0) return undefined;
      // Policies name secrets by whole ARNs, which end in six characters that requests may leave out.
      const unknown = (id: string) =>
        id.startsWith("arn:") ? id : `arn:aws:secretsmanager:${scope.region}:${scope.account}:secret:${id}`;
      return given.map((id) => find({ context, scope }, id)?.arn ?? unknown(id));
    },
    report,
  };
  return { serve: (exchange) => serveJson(service, exchange) };
}
