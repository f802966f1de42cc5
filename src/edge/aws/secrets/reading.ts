import { randomInt } from "node:crypto";
import type {
  BatchGetSecretValueRequest,
  DescribeSecretRequest,
  Filter,
  GetRandomPasswordRequest,
  GetSecretValueRequest,
  ListSecretsRequest,
  ListSecretVersionIdsRequest,
} from "@aws-sdk/client-secrets-manager";
import { JsonError } from "../json.ts";
import {
  existing,
  find,
  invalidParameter,
  invalidRequest,
  open,
  type SecretRecord,
  type SecretsCall,
  type SecretsOperation,
  usable,
  versionOf,
} from "./store.ts";

const seconds = (ms: number): number => ms / 1000;

export const getSecretValue: SecretsOperation<GetSecretValueRequest> = (call) => {
  const record = usable(call, call.input.SecretId);
  const version = versionOf(record, call.input.VersionId, call.input.VersionStage);
  const value = open(call.context, record.arn, version);
  return {
    ARN: record.arn,
    Name: record.secret,
    VersionId: version.id,
    ...(version.binary ? { SecretBinary: value.toString("base64") } : { SecretString: value.toString("utf8") }),
    VersionStages: version.stages,
    CreatedDate: seconds(version.created),
  };
};

export const batchGetSecretValue: SecretsOperation<BatchGetSecretValueRequest> = (call) => {
  const { SecretIdList, Filters, MaxResults, NextToken } = call.input;
  if ((SecretIdList === undefined) === (Filters === undefined)) {
    throw invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.");
  }
  const { items, next } = page(
    SecretIdList ?? listed(call, Filters, false).map(({ arn }) => arn),
    NextToken,
    MaxResults ?? 20,
  );
  const SecretValues: object[] = [];
  const Errors: object[] = [];
  for (const SecretId of items) {
    try {
      SecretValues.push(getSecretValue({ ...call, input: { SecretId } }));
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      Errors.push({ SecretId, ErrorCode: error.code, Message: error.message });
    }
  }
  return { SecretValues, Errors, ...next };
};

function described(record: SecretRecord) {
  return {
    ARN: record.arn,
    Name: record.secret,
    ...(record.description === undefined ? {} : { Description: record.description }),
    ...(record.kmsKeyId === undefined ? {} : { KmsKeyId: record.kmsKeyId }),
    LastChangedDate: seconds(record.changed),
    ...(record.deleted === undefined ? {} : { DeletedDate: seconds(record.deleted) }),
    Tags: Object.entries(record.tags).map(([Key, Value]) => ({ Key, Value })),
    CreatedDate: seconds(record.created),
  };
}

const stagesOf = ({ versions }: SecretRecord) =>
  Object.fromEntries(versions.filter(({ stages }) => stages.length > 0).map(({ id, stages }) => [id, stages]));

export const describeSecret: SecretsOperation<DescribeSecretRequest> = (call) => {
  const record = existing(call, call.input.SecretId);
  return { ...described(record), VersionIdsToStages: stagesOf(record) };
};

/** Of the caller's region, by name; those about to be deleted only if asked for. */
function listed(call: SecretsCall<unknown>, filters: readonly Filter[] = [], planned: boolean): SecretRecord[] {
  return call.context.records
    .list(call.scope.account)
    .filter(({ region }) => region === call.scope.region)
    .filter(({ arn }) => find(call, arn) !== undefined)
    .filter(({ deletion }) => planned || deletion === undefined)
    .filter((record) => filters.every((filter) => passes(record, filter)));
}

/** All filters must hold, each by any of its values; `!` before a value turns it round. */
function passes(record: SecretRecord, { Key = "all", Values = [] }: Filter): boolean {
  const texts: Record<string, readonly string[]> = {
    name: [record.secret],
    description: [record.description ?? ""],
    "tag-key": Object.keys(record.tags),
    "tag-value": Object.values(record.tags),
  };
  const about = texts[Key] ?? Object.values(texts).flat();
  return Values.some((value) => {
    const negated = value.startsWith("!");
    const wanted = negated ? value.slice(1) : value;
    const exact = Key === "name" || Key.startsWith("tag-");
    const found = about.some((text) =>
      exact ? text.startsWith(wanted) : text.toLowerCase().includes(wanted.toLowerCase()),
    );
    return found !== negated;
  });
}

export const listSecrets: SecretsOperation<ListSecretsRequest> = (call) => {
  const { Filters, IncludePlannedDeletion, SortOrder, MaxResults, NextToken } = call.input;
  const found = listed(call, Filters, IncludePlannedDeletion === true);
  found.sort((one, other) => one.created - other.created);
  if (SortOrder !== "asc") found.reverse();
  const { items, next } = page(found, NextToken, MaxResults ?? 100);
  const SecretList = items.map((record) => ({ ...described(record), SecretVersionsToStages: stagesOf(record) }));
  return { SecretList, ...next };
};

export const listSecretVersionIds: SecretsOperation<ListSecretVersionIdsRequest> = (call) => {
  const record = existing(call, call.input.SecretId);
  const all = record.versions.filter(({ stages }) => call.input.IncludeDeprecated === true || stages.length > 0);
  const { items, next } = page(all, call.input.NextToken, call.input.MaxResults ?? 100);
  const Versions = items.map(({ id, stages, created }) => ({
    VersionId: id,
    VersionStages: stages,
    CreatedDate: seconds(created),
  }));
  return { ARN: record.arn, Name: record.secret, Versions, ...next };
};

/** The token is a place in the list. Throws InvalidNextTokenException. */
function page<T>(records: readonly T[], token: string | undefined, limit: number) {
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString("latin1"));
  if (!Number.isInteger(from) || from < 0 || token === "") {
    throw new JsonError("InvalidNextTokenException", "The NextToken value is invalid.");
  }
  const items = records.slice(from, from + limit);
  const more = from + items.length < records.length;
  return { items, next: more ? { NextToken: Buffer.from(String(from + items.length)).toString("base64url") } : {} };
}

const kinds = {
  lower: "abcdefghijklmnopqrstuvwxyz",
  upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  digits: "0123456789",
  marks: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
};

export const getRandomPassword: SecretsOperation<GetRandomPasswordRequest> = ({ input }) => {
  const length = input.PasswordLength ?? 32;
  const out = new Set(input.ExcludeCharacters ?? "");
  const chosen = [
    input.ExcludeLowercase === true ? "" : kinds.lower,
    input.ExcludeUppercase === true ? "" : kinds.upper,
    input.ExcludeNumbers === true ? "" : kinds.digits,
    input.ExcludePunctuation === true ? "" : kinds.marks,
    input.IncludeSpace === true ? " " : "",
  ]
    .map((kind) => [...kind].filter((letter) => !out.has(letter)))
    .filter((kind) => kind.length > 0);
  const all = chosen.flat();
  if (all.length === 0) throw invalidRequest("There are no characters left to make a password of.");
  const any = (letters: readonly string[]) => letters[randomInt(letters.length)]!;
  const each = input.RequireEachIncludedType !== false;
  if (each && length < chosen.length) {
    throw invalidParameter("The password length must be at least the number of included character types.");
  }
  const letters = each ? chosen.map(any) : [];
  while (letters.length < length) letters.push(any(all));
  for (let last = letters.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [letters[last], letters[other]] = [letters[other]!, letters[last]!];
  }
  return { RandomPassword: letters.join("") };
};
