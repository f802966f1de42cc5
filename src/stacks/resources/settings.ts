import { randomInt } from "node:crypto";
import { isMapping, type Mapping } from "../../templates/index.ts";
import { isTaken } from "./calls.ts";
import {
  changed,
  documentText,
  type Handler,
  type Handlers,
  tagList,
  tagsOf,
  text,
  type Work,
  without,
} from "./handler.ts";

const logs = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("logs", `Logs_20140328.${operation}`, input);

const logGroup: Handler = {
  replaces: ["LogGroupName", "LogGroupClass"],
  name: { property: "LogGroupName", most: 512 },
  async create(work) {
    const { properties, stack } = work;
    const logGroupName = text(properties.LogGroupName) || work.name;
    const tags = tagsOf(work);
    const input = without({
      logGroupName,
      kmsKeyId: properties.KmsKeyId,
      logGroupClass: properties.LogGroupClass,
      tags: Object.keys(tags).length > 0 ? tags : undefined,
    });
    try {
      await logs(work, "CreateLogGroup", input);
    } catch (error) {
      if (!(work.again && isTaken(error))) throw error;
    }
    work.exists({ physicalId: logGroupName });
    if (properties.RetentionInDays !== undefined) {
      await logs(work, "PutRetentionPolicy", { logGroupName, retentionInDays: properties.RetentionInDays });
    }
    const Arn = `arn:aws:logs:${stack.region}:${stack.account}:log-group:${logGroupName}:*`;
    return { physicalId: logGroupName, attributes: { Arn } };
  },
  async update(work) {
    const logGroupName = work.physicalId;
    const { RetentionInDays } = work.properties;
    if (!changed(work, "RetentionInDays")) return {};
    if (RetentionInDays === undefined) await logs(work, "DeleteRetentionPolicy", { logGroupName });
    else await logs(work, "PutRetentionPolicy", { logGroupName, retentionInDays: RetentionInDays });
    return {};
  },
  async delete(work) {
    await logs(work, "DeleteLogGroup", { logGroupName: work.physicalId });
  },
};

async function putFilter(work: Work, filterName: string): Promise<void> {
  const { LogGroupName, FilterPattern, DestinationArn, RoleArn, Distribution } = work.properties;
  await logs(
    work,
    "PutSubscriptionFilter",
    without({
      logGroupName: LogGroupName,
      filterName,
      filterPattern: FilterPattern ?? "",
      destinationArn: DestinationArn,
      roleArn: RoleArn,
      distribution: Distribution,
    }),
  );
}

const subscriptionFilter: Handler = {
  replaces: ["FilterName", "LogGroupName"],
  name: { property: "FilterName", most: 512 },
  async create(work) {
    const name = text(work.properties.FilterName) || work.name;
    await putFilter(work, name);
    return { physicalId: name };
  },
  async update(work) {
    await putFilter(work, work.physicalId);
    return {};
  },
  async delete(work) {
    await logs(work, "DeleteSubscriptionFilter", {
      logGroupName: work.properties.LogGroupName,
      filterName: work.physicalId,
    });
  },
};

const ssm = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("ssm", `AmazonSSM.${operation}`, input);

async function putParameter(work: Work, Name: string, Overwrite: boolean): Promise<void> {
  const { Type, Value, Description, AllowedPattern, Tier, DataType, Policies } = work.properties;
  const tags = tagList(tagsOf(work));
  const input = { Name, Type, Value: text(Value), Description, AllowedPattern, Tier, DataType, Policies, Overwrite };
  await ssm(work, "PutParameter", without({ ...input, Tags: Overwrite || tags.length === 0 ? undefined : tags }));
}

const parameter: Handler = {
  replaces: ["Name"],
  name: { property: "Name", most: 1011 },
  async create(work) {
    const name = text(work.properties.Name) || work.name;
    await putParameter(work, name, work.again);
    return { physicalId: name, attributes: { Type: work.properties.Type, Value: text(work.properties.Value) } };
  },
  async update(work) {
    await putParameter(work, work.physicalId, true);
    return { attributes: { Type: work.properties.Type, Value: text(work.properties.Value) } };
  },
  async delete(work) {
    await ssm(work, "DeleteParameter", { Name: work.physicalId });
  },
};

const secrets = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("secretsmanager", `secretsmanager.${operation}`, input);

/** Source: Secrets Manager API Reference, GetRandomPassword: its defaults and sets of characters. */
function generated(rules: Mapping): string {
  const excluded = new Set(text(rules.ExcludeCharacters));
  const set = (name: string, characters: string): string[] =>
    rules[name] === true ? [] : [...characters].filter((character) => !excluded.has(character));
  const sets = [
    set("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
    set("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    set("ExcludeNumbers", "0123456789"),
    set("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    rules.IncludeSpace === true ? [" "] : [],
  ].filter((characters) => characters.length > 0);
  const all = sets.flat();
  if (all.length === 0) throw new Error("GenerateSecretString: no character is left to make a password of");
  const pick = (from: readonly string[]): string => from[randomInt(from.length)]!;
  const length = Number(rules.PasswordLength ?? 32);
  const one = rules.RequireEachIncludedType === false ? [] : sets.map(pick);
  const characters = [...one, ...Array.from({ length: Math.max(0, length - one.length) }, () => pick(all))];
  for (let index = characters.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [characters[index], characters[other]] = [characters[other]!, characters[index]!];
  }
  const password = characters.slice(0, length).join("");
  if (rules.GenerateStringKey === undefined) return password;
  const template: unknown = JSON.parse(text(rules.SecretStringTemplate) || "{}");
  return JSON.stringify({ ...(isMapping(template) ? template : {}), [text(rules.GenerateStringKey)]: password });
}

const secret: Handler = {
  replaces: ["Name"],
  name: { property: "Name", most: 512 },
  async create(work) {
    const { Description, KmsKeyId, SecretString, GenerateSecretString } = work.properties;
    const Name = text(work.properties.Name) || work.name;
    const value = isMapping(GenerateSecretString) ? generated(GenerateSecretString) : SecretString;
    const tags = tagList(tagsOf(work));
    const input = without({
      Name,
      Description,
      KmsKeyId,
      SecretString: value,
      Tags: tags.length > 0 ? tags : undefined,
    });
    const answer = await secrets(work, "CreateSecret", input).catch((error) => {
      if (!(work.again && error instanceof Error && "code" in error && error.code === "ResourceExistsException"))
        throw error;
      return secrets(work, "DescribeSecret", { SecretId: Name });
    });
    return { physicalId: text(answer.ARN), attributes: { Id: answer.ARN } };
  },
  async update(work) {
    const { Description, KmsKeyId, SecretString, GenerateSecretString } = work.properties;
    const value = changed(work, "GenerateSecretString", "SecretString")
      ? isMapping(GenerateSecretString)
        ? generated(GenerateSecretString)
        : SecretString
      : undefined;
    await secrets(
      work,
      "UpdateSecret",
      without({ SecretId: work.physicalId, Description: Description ?? "", KmsKeyId, SecretString: value }),
    );
    return {};
  },
  async delete(work) {
    await secrets(work, "DeleteSecret", { SecretId: work.physicalId, ForceDeleteWithoutRecovery: true });
  },
};

const kms = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("kms", `TrentService.${operation}`, input);

const key: Handler = {
  replaces: ["KeySpec", "KeyUsage", "MultiRegion", "Origin"],
  async create(work) {
    const { Description, KeyPolicy, KeySpec, KeyUsage, MultiRegion, Origin, EnableKeyRotation, Enabled } =
      work.properties;
    const Tags = Object.entries(tagsOf(work)).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    const Policy = KeyPolicy === undefined ? undefined : documentText(KeyPolicy);
    const { KeyMetadata } = await kms(
      work,
      "CreateKey",
      without({ Description, Policy, KeySpec, KeyUsage, MultiRegion, Origin, Tags }),
    );
    const { KeyId, Arn } = isMapping(KeyMetadata) ? KeyMetadata : {};
    work.exists({ physicalId: text(KeyId) });
    if (EnableKeyRotation === true) await kms(work, "EnableKeyRotation", { KeyId });
    if (Enabled === false) await kms(work, "DisableKey", { KeyId });
    return { physicalId: text(KeyId), attributes: { Arn, KeyId } };
  },
  async update(work) {
    const KeyId = work.physicalId;
    const { Description, KeyPolicy, EnableKeyRotation, Enabled } = work.properties;
    if (changed(work, "Description"))
      await kms(work, "UpdateKeyDescription", { KeyId, Description: Description ?? "" });
    if (changed(work, "KeyPolicy") && KeyPolicy !== undefined) {
      await kms(work, "PutKeyPolicy", { KeyId, PolicyName: "default", Policy: documentText(KeyPolicy) });
    }
    if (changed(work, "Enabled")) await kms(work, Enabled === false ? "DisableKey" : "EnableKey", { KeyId });
    if (changed(work, "EnableKeyRotation")) {
      await kms(work, EnableKeyRotation === true ? "EnableKeyRotation" : "DisableKeyRotation", { KeyId });
    }
    return {};
  },
  async delete(work) {
    const PendingWindowInDays = work.properties.PendingWindowInDays ?? 30;
    await kms(work, "ScheduleKeyDeletion", { KeyId: work.physicalId, PendingWindowInDays });
  },
};

const keyAlias: Handler = {
  replaces: ["AliasName"],
  async create(work) {
    const { AliasName, TargetKeyId } = work.properties;
    try {
      await kms(work, "CreateAlias", { AliasName, TargetKeyId });
    } catch (error) {
      if (!(work.again && isTaken(error))) throw error;
    }
    return { physicalId: text(AliasName) };
  },
  async update(work) {
    await kms(work, "UpdateAlias", { AliasName: work.physicalId, TargetKeyId: work.properties.TargetKeyId });
    return {};
  },
  async delete(work) {
    await kms(work, "DeleteAlias", { AliasName: work.physicalId });
  },
};

export const settingsHandlers: Handlers = {
  "AWS::Logs::LogGroup": logGroup,
  "AWS::Logs::SubscriptionFilter": subscriptionFilter,
  "AWS::SSM::Parameter": parameter,
  "AWS::SecretsManager::Secret": secret,
  "AWS::KMS::Key": key,
  "AWS::KMS::Alias": keyAlias,
};
