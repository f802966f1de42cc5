import type {
  AddTagsToResourceRequest,
  DeleteParameterRequest,
  DeleteParametersRequest,
  LabelParameterVersionRequest,
  ListTagsForResourceRequest,
  PutParameterRequest,
  RemoveTagsFromResourceRequest,
  UnlabelParameterVersionRequest,
} from "@aws-sdk/client-ssm";
import {
  find,
  type ParameterRecord,
  type ParametersCall,
  type ParametersOperation,
  type ParameterVersion,
  recordName,
  refusal,
  sealContext,
} from "./store.ts";

/** Versions kept of each. Source: Systems Manager User Guide, "Working with parameter versions". */
const mostVersions = 100;
const mostLabels = 10;

export const putParameter: ParametersOperation<PutParameterRequest> = (call) => {
  const { input, scope, context } = call;
  const name = checkedName(input.Name ?? "");
  const old = find(call, name);
  if (old !== undefined && input.Overwrite !== true) {
    throw refusal(
      "ParameterAlreadyExists",
      "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    );
  }
  if (input.Overwrite === true && (input.Tags ?? []).length > 0) {
    throw refusal(
      "ValidationException",
      "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag.",
    );
  }
  const last = old?.versions.at(-1);
  const type = input.Type ?? last?.type;
  if (type === undefined)
    throw refusal("ValidationException", "A parameter type is required when you create a parameter.");
  const tier = checkedTier(input, last);
  const value = input.Value ?? "";
  if (value === "")
    throw refusal(
      "ValidationException",
      "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
    );
  const allowedPattern = input.AllowedPattern ?? last?.allowedPattern;
  checkPattern(allowedPattern, value);
  const version = (last?.version ?? 0) + 1;
  const made: ParameterVersion = {
    version,
    value:
      type === "SecureString"
        ? context.sealer.seal(Buffer.from(value), sealContext(scope, name, version)).toString("base64")
        : value,
    type,
    description: input.Description ?? last?.description,
    allowedPattern,
    keyId: type === "SecureString" ? (input.KeyId ?? last?.keyId ?? "alias/aws/ssm") : undefined,
    tier,
    dataType: input.DataType ?? last?.dataType ?? "text",
    modified: context.clock(),
    labels: [],
  };
  context.records.put({
    account: scope.account,
    region: scope.region,
    name: recordName(scope, name),
    parameter: name,
    versions: [...withRoom(old?.versions ?? []), made],
    tags: old?.tags ?? Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])),
  });
  return { Version: version, Tier: tier };
};

/** The oldest makes room, unless somebody has given it a label. */
function withRoom(versions: readonly ParameterVersion[]): readonly ParameterVersion[] {
  if (versions.length < mostVersions) return versions;
  const [oldest] = versions;
  if (oldest!.labels.length === 0) return versions.slice(1);
  throw refusal(
    "ParameterMaxVersionLimitExceeded",
    `You attempted to create a new version by calling the PutParameter API with the overwrite flag. Version ${oldest!.version}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.`,
  );
}

/** Throws ValidationException, HierarchyLevelLimitExceededException. */
function checkedName(name: string): string {
  if (!/^[a-zA-Z0-9_.\-/]+$/.test(name)) {
    throw refusal(
      "ValidationException",
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive) and should not include characters other than the following: a mix of letters, numbers and the symbols .-_/',
    );
  }
  const first = name.replace(/^\//, "").split("/")[0]!;
  if (/^aws/i.test(first)) throw refusal("AccessDeniedException", `No access to reserved parameter name: ${name}.`);
  if (/^ssm/i.test(first)) {
    throw refusal(
      "ValidationException",
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_',
    );
  }
  if (name.includes("/") && !name.startsWith("/")) {
    throw refusal("ValidationException", "Parameter name must be a fully qualified name.");
  }
  if (name.endsWith("/") || name.includes("//"))
    throw refusal("ValidationException", `Invalid parameter name: ${name}`);
  if (name.split("/").length - 1 > 15) {
    throw refusal("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.");
  }
  return name;
}

function checkedTier({ Tier, Value = "" }: PutParameterRequest, last: ParameterVersion | undefined): string {
  const bytes = Buffer.byteLength(Value);
  const wanted = Tier ?? last?.tier ?? "Standard";
  const tier = wanted === "Intelligent-Tiering" ? (bytes > 4096 ? "Advanced" : "Standard") : wanted;
  if (tier === "Standard" && bytes > 4096) {
    throw refusal(
      "ValidationException",
      "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
    );
  }
  if (bytes > 8192)
    throw refusal(
      "ValidationException",
      "Advanced tier parameters support a maximum parameter value of 8192 characters.",
    );
  return tier;
}

/** Patterns come from clients, and nested repetitions could take for ever: those are refused. Throws InvalidAllowedPatternException, ParameterPatternMismatchException. */
function checkPattern(pattern: string | undefined, value: string): void {
  if (pattern === undefined || pattern === "") return;
  if (/[*+}]\)?[*+{]|\)[*+{]/.test(pattern) || (pattern.match(/[*+{]/g) ?? []).length > 4) {
    throw refusal("InvalidAllowedPatternException", "The regular expression has too many repetitions, or nested ones.");
  }
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch {
    throw refusal("InvalidAllowedPatternException", "The request doesn't meet the regular expression requirement.");
  }
  if (expression.test(value)) return;
  throw refusal(
    "ParameterPatternMismatchException",
    `Parameter value, cannot be validated against allowedPattern: ${pattern}`,
  );
}

function existing(call: ParametersCall<unknown>, name: string | undefined): ParameterRecord {
  const record = find(call, name ?? "");
  if (record === undefined) throw refusal("ParameterNotFound", "");
  return record;
}

export const deleteParameter: ParametersOperation<DeleteParameterRequest> = (call) => {
  const { account, name } = existing(call, call.input.Name);
  call.context.records.remove(account, name);
  return {};
};

export const deleteParameters: ParametersOperation<DeleteParametersRequest> = (call) => {
  const DeletedParameters: string[] = [];
  const InvalidParameters: string[] = [];
  for (const given of new Set(call.input.Names)) {
    const record = find(call, given);
    if (record !== undefined) call.context.records.remove(record.account, record.name);
    (record === undefined ? InvalidParameters : DeletedParameters).push(given);
  }
  return { DeletedParameters, InvalidParameters };
};

function versionOf(record: ParameterRecord, wanted: number | undefined): ParameterVersion {
  const version = wanted === undefined ? record.versions.at(-1) : record.versions.find((one) => one.version === wanted);
  if (version !== undefined) return version;
  throw refusal(
    "ParameterVersionNotFound",
    `Systems Manager could not find version ${wanted} of ${record.parameter}. Verify the version and try again.`,
  );
}

const validLabel = (label: string): boolean => /^(?!aws|ssm|\d)[\w.-]{1,100}$/i.test(label);

/** A label is on one version at a time: it moves. */
export const labelParameterVersion: ParametersOperation<LabelParameterVersionRequest> = (call) => {
  const record = existing(call, call.input.Name);
  const { version } = versionOf(record, call.input.ParameterVersion);
  const InvalidLabels = (call.input.Labels ?? []).filter((label) => !validLabel(label));
  const labels = new Set((call.input.Labels ?? []).filter(validLabel));
  const versions = record.versions.map((one) => {
    const others = one.labels.filter((label) => !labels.has(label));
    return { ...one, labels: one.version === version ? [...others, ...labels] : others };
  });
  if (versions.some((one) => one.labels.length > mostLabels)) {
    throw refusal(
      "ParameterVersionLabelLimitExceeded",
      "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.",
    );
  }
  call.context.records.put({ ...record, versions });
  return { InvalidLabels, ParameterVersion: version };
};

export const unlabelParameterVersion: ParametersOperation<UnlabelParameterVersionRequest> = (call) => {
  const record = existing(call, call.input.Name);
  const version = versionOf(record, call.input.ParameterVersion);
  const given = call.input.Labels ?? [];
  const kept = version.labels.filter((label) => !given.includes(label));
  const versions = record.versions.map((one) => (one === version ? { ...one, labels: kept } : one));
  call.context.records.put({ ...record, versions });
  return {
    RemovedLabels: given.filter((label) => version.labels.includes(label)),
    InvalidLabels: given.filter((label) => !version.labels.includes(label)),
  };
};

function tagged(
  call: ParametersCall<{ ResourceType: string | undefined; ResourceId: string | undefined }>,
): ParameterRecord {
  if (call.input.ResourceType !== "Parameter")
    throw refusal("InvalidResourceType", `The resource type ${call.input.ResourceType} is not supported here.`);
  const record = find(call, call.input.ResourceId ?? "");
  if (record !== undefined) return record;
  throw refusal(
    "InvalidResourceId",
    "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
  );
}

export const addTagsToResource: ParametersOperation<AddTagsToResourceRequest> = (call) => {
  const record = tagged(call);
  const added = Object.fromEntries((call.input.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
  call.context.records.put({ ...record, tags: { ...record.tags, ...added } });
  return {};
};

export const removeTagsFromResource: ParametersOperation<RemoveTagsFromResourceRequest> = (call) => {
  const record = tagged(call);
  const gone = new Set(call.input.TagKeys);
  const tags = Object.fromEntries(Object.entries(record.tags).filter(([name]) => !gone.has(name)));
  call.context.records.put({ ...record, tags });
  return {};
};

export const listTagsForResource: ParametersOperation<ListTagsForResourceRequest> = (call) => ({
  TagList: Object.entries(tagged(call).tags).map(([Key, Value]) => ({ Key, Value })),
});
