import type { RepositoryRecord } from "../../../repositories/index.ts";
import { repositoryArn } from "./access.ts";
import { type EcrCall, invalidParameter, type Named, type PageInput, page, repositoryOf, seconds } from "./context.ts";

interface Tag {
  readonly Key?: string;
  readonly Value?: string;
}

interface Mutability {
  readonly imageTagMutability?: RepositoryRecord["mutability"];
  readonly imageTagMutabilityExclusionFilters?: readonly { readonly filterType: string; readonly filter: string }[];
}

interface Scanning {
  readonly imageScanningConfiguration?: { readonly scanOnPush?: boolean };
}

interface CreateInput extends Named, Mutability, Scanning {
  readonly tags?: readonly Tag[];
  readonly encryptionConfiguration?: Readonly<Record<string, unknown>>;
}

const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

export function createRepository({ input, scope, context, exchange }: EcrCall<CreateInput>) {
  const { repositoryName } = input;
  if (!repositoryPattern.test(repositoryName)) {
    throw invalidParameter(
      "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*''",
    );
  }
  const record = context.repositories.create({
    ...scope,
    repository: repositoryName,
    host: hostOf(exchange),
    ...mutabilityOf(input),
    scanOnPush: input.imageScanningConfiguration?.scanOnPush === true,
    encryption: { encryptionType: "AES256", ...input.encryptionConfiguration },
    tags: tagsOf(input.tags),
  });
  return { repository: view(record, exchange) };
}

export function describeRepositories(
  call: EcrCall<PageInput & { readonly registryId?: string; readonly repositoryNames?: readonly string[] }>,
) {
  const { input, scope, context, exchange } = call;
  const owner = { account: input.registryId ?? scope.account, region: scope.region };
  const { repositoryNames } = input;
  const records = repositoryNames?.map((name) => context.repositories.find(owner, name));
  const { items, more } = page(records ?? context.repositories.list(owner), input);
  return { repositories: items.map((record) => view(record, exchange)), ...more };
}

export function deleteRepository(call: EcrCall<Named & { readonly force?: boolean }>) {
  const record = repositoryOf(call);
  call.context.repositories.remove(record, call.input.force === true);
  return { repository: view(record, call.exchange) };
}

export function putImageTagMutability(call: EcrCall<Named & Mutability>) {
  const record = repositoryOf(call);
  const { mutability, exclusions } = mutabilityOf(call.input);
  call.context.repositories.change({ ...record, mutability, exclusions });
  const { imageTagMutability, imageTagMutabilityExclusionFilters } = call.input;
  return { ...named(record), imageTagMutability, imageTagMutabilityExclusionFilters };
}

export function putImageScanningConfiguration(call: EcrCall<Named & Scanning>) {
  const record = repositoryOf(call);
  const scanOnPush = call.input.imageScanningConfiguration?.scanOnPush === true;
  call.context.repositories.change({ ...record, scanOnPush });
  return { ...named(record), imageScanningConfiguration: { scanOnPush } };
}

export function describeRegistry({ scope }: EcrCall<object>) {
  return { registryId: scope.account, replicationConfiguration: { rules: [] } };
}

export function tagResource({
  input,
  ...call
}: EcrCall<{ readonly resourceArn: string; readonly tags: readonly Tag[] }>) {
  const record = ofArn({ input, ...call });
  call.context.repositories.change({ ...record, tags: { ...record.tags, ...tagsOf(input.tags) } });
  return {};
}

export function untagResource({
  input,
  ...call
}: EcrCall<{ readonly resourceArn: string; readonly tagKeys: readonly string[] }>) {
  const record = ofArn({ input, ...call });
  const tags = Object.fromEntries(Object.entries(record.tags).filter(([key]) => !input.tagKeys.includes(key)));
  call.context.repositories.change({ ...record, tags });
  return {};
}

export function listTagsForResource(call: EcrCall<{ readonly resourceArn: string }>) {
  return { tags: Object.entries(ofArn(call).tags).map(([Key, Value]) => ({ Key, Value })) };
}

/** Throws InvalidParameterException, RepositoryNotFoundException. */
function ofArn({ input, context }: EcrCall<{ readonly resourceArn: string }>): RepositoryRecord {
  const [, region = "", account = "", repository = ""] =
    /^arn:[^:]+:ecr:([^:]*):(\d{12}):repository\/(.+)$/.exec(input.resourceArn) ?? [];
  if (repository === "") {
    throw invalidParameter("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'");
  }
  return context.repositories.find({ account, region }, repository);
}

/** Throws InvalidParameterException: filters go with a mutability that has exceptions, and only with one. */
function mutabilityOf({
  imageTagMutability: mutability = "MUTABLE",
  imageTagMutabilityExclusionFilters = [],
}: Mutability) {
  const exclusions = imageTagMutabilityExclusionFilters.map(({ filter }) => filter);
  if (mutability.endsWith("_WITH_EXCLUSION") !== exclusions.length > 0) {
    throw invalidParameter(
      "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must be given with MUTABLE_WITH_EXCLUSION and IMMUTABLE_WITH_EXCLUSION, and only with them'",
    );
  }
  return { mutability, exclusions };
}

const tagsOf = (tags: readonly Tag[] = []): Record<string, string> =>
  Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]));

/** Clients push to where they found the registry: under the name by which they called it. */
export const hostOf = ({ url }: Pick<EcrCall<unknown>["exchange"], "url">): string => url.host;

export const named = ({ account, repository }: RepositoryRecord) => ({
  registryId: account,
  repositoryName: repository,
});

function view(record: RepositoryRecord, exchange: EcrCall<unknown>["exchange"]) {
  const { repository, created, mutability, exclusions, scanOnPush, encryption } = record;
  return {
    repositoryArn: repositoryArn(record),
    ...named(record),
    repositoryUri: `${hostOf(exchange)}/${repository}`,
    createdAt: seconds(created),
    imageTagMutability: mutability,
    ...(exclusions.length === 0
      ? {}
      : {
          imageTagMutabilityExclusionFilters: exclusions.map((filter) => ({ filterType: "WILDCARD", filter })),
        }),
    imageScanningConfiguration: { scanOnPush },
    encryptionConfiguration: encryption,
  };
}
