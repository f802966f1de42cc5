import type {
  DescribeParametersRequest,
  GetParameterHistoryRequest,
  GetParameterRequest,
  GetParametersByPathRequest,
  GetParametersRequest,
  ParameterStringFilter,
} from "@aws-sdk/client-ssm";
import {
  find,
  type ParameterRecord,
  type ParametersCall,
  type ParametersOperation,
  type ParameterVersion,
  page,
  parameterArn,
  refusal,
  select,
  textOf,
  view,
} from "./store.ts";

/** How Parameter Store leads to Secrets Manager. Source: User Guide, "Referencing AWS Secrets Manager secrets". */
const secretPrefix = "/aws/reference/secretsmanager/";

function one(call: ParametersCall<unknown>, given: string, open: boolean | undefined): object | undefined {
  if (given.startsWith(secretPrefix)) return secretView(call, given, open);
  const found = select(call, given);
  return found === undefined ? undefined : view(call, found.record, found.version, { open, selector: found.selector });
}

function secretView(
  { context, scope }: ParametersCall<unknown>,
  name: string,
  open: boolean | undefined,
): object | undefined {
  if (open !== true) {
    throw refusal("ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.");
  }
  const secret = context.secret(scope, name.slice(secretPrefix.length));
  if (secret === undefined) return undefined;
  return {
    Name: name,
    Type: "SecureString",
    Value: secret.value,
    Version: 0,
    SourceResult: JSON.stringify({ ARN: secret.arn }),
    LastModifiedDate: secret.created / 1000,
    ARN: secret.arn,
    DataType: "text",
  };
}

export const getParameter: ParametersOperation<GetParameterRequest> = (call) => {
  const found = one(call, call.input.Name ?? "", call.input.WithDecryption);
  if (found === undefined) throw refusal("ParameterNotFound", "");
  return { Parameter: found };
};

export const getParameters: ParametersOperation<GetParametersRequest> = (call) => {
  const names = call.input.Names ?? [];
  if (new Set(names).size !== names.length) throw refusal("ValidationException", "Duplicate names are not allowed.");
  const found = names.map((name) => {
    try {
      return one(call, name, call.input.WithDecryption);
    } catch (error) {
      if (error instanceof Error && error.name === "ParameterVersionNotFound") return undefined;
      throw error;
    }
  });
  return {
    Parameters: found.filter((parameter) => parameter !== undefined),
    InvalidParameters: names.filter((_, index) => found[index] === undefined),
  };
};

const ofRegion = ({ context, scope }: ParametersCall<unknown>): readonly ParameterRecord[] =>
  context.records.list(scope.account).filter(({ region }) => region === scope.region);

export const getParametersByPath: ParametersOperation<GetParametersByPathRequest> = (call) => {
  const { Path = "", Recursive, WithDecryption, ParameterFilters, MaxResults, NextToken } = call.input;
  if (!Path.startsWith("/")) {
    throw refusal(
      "ValidationException",
      `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`,
    );
  }
  const prefix = Path.endsWith("/") ? Path : `${Path}/`;
  const found = ofRegion(call).filter(
    ({ parameter }) =>
      parameter.startsWith(prefix) && (Recursive === true || !parameter.slice(prefix.length).includes("/")),
  );
  const wanted = found.filter((record) => (ParameterFilters ?? []).every((filter) => passes(record, filter)));
  const { items, next } = page(wanted, NextToken, MaxResults ?? 10, ({ parameter }) => parameter);
  const Parameters = items.map((record) => view(call, record, record.versions.at(-1)!, { open: WithDecryption }));
  return { Parameters, ...next };
};

/** Throws InvalidFilterKey. */
function passes(record: ParameterRecord, { Key = "", Option, Values = [] }: ParameterStringFilter): boolean {
  const last = record.versions.at(-1)!;
  const fits = (text: string) =>
    Values.length === 0 ||
    Values.some((value) =>
      Option === "BeginsWith" ? text.startsWith(value) : Option === "Contains" ? text.includes(value) : text === value,
    );
  if (Key.startsWith("tag:")) {
    const tag = record.tags[Key.slice("tag:".length)];
    return tag !== undefined && fits(tag);
  }
  switch (Key) {
    case "Name":
      return fits(record.parameter) || fits(record.parameter.slice(1));
    case "Path":
      return Values.some((value) => {
        const prefix = value.endsWith("/") ? value : `${value}/`;
        const rest = record.parameter.slice(prefix.length);
        return record.parameter.startsWith(prefix) && (Option === "Recursive" || !rest.includes("/"));
      });
    case "Type":
      return fits(last.type);
    case "KeyId":
      return last.keyId !== undefined && fits(last.keyId);
    case "Tier":
      return fits(last.tier);
    case "DataType":
      return fits(last.dataType);
    case "Label":
      return last.labels.some(fits);
    default:
      throw refusal("InvalidFilterKey", `The specified key isn't valid: ${Key}`);
  }
}

/** What a version is, without its value. */
const described = (record: ParameterRecord, version: ParameterVersion) => ({
  Name: record.parameter,
  Type: version.type,
  ...(version.keyId === undefined ? {} : { KeyId: version.keyId }),
  LastModifiedDate: version.modified / 1000,
  LastModifiedUser: `arn:aws:iam::${record.account}:root`,
  ...(version.description === undefined ? {} : { Description: version.description }),
  ...(version.allowedPattern === undefined ? {} : { AllowedPattern: version.allowedPattern }),
  Version: version.version,
  Tier: version.tier,
  Policies: [],
  DataType: version.dataType,
});

export const describeParameters: ParametersOperation<DescribeParametersRequest> = (call) => {
  const { Filters = [], ParameterFilters = [], MaxResults, NextToken } = call.input;
  const older = Filters.map(({ Key, Values }) => ({ Key, Values, Option: Key === "Name" ? "BeginsWith" : "Equals" }));
  const found = ofRegion(call).filter((record) =>
    [...older, ...ParameterFilters].every((filter) => passes(record, filter)),
  );
  const { items, next } = page(found, NextToken, MaxResults ?? 50, ({ parameter }) => parameter);
  const Parameters = items.map((record) => ({
    ...described(record, record.versions.at(-1)!),
    ARN: parameterArn(record, record.parameter),
  }));
  return { Parameters, ...next };
};

export const getParameterHistory: ParametersOperation<GetParameterHistoryRequest> = (call) => {
  const { Name = "", WithDecryption, MaxResults, NextToken } = call.input;
  const record = find(call, Name);
  if (record === undefined) throw refusal("ParameterNotFound", "");
  const { items, next } = page(record.versions, NextToken, MaxResults ?? 50, ({ version }) => String(version));
  const Parameters = items.map((version) => ({
    ...described(record, version),
    Value: textOf(call, record, version, WithDecryption),
    Labels: version.labels,
  }));
  return { Parameters, ...next };
};
