import type { Sealer } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import { type Repositories, RepositoryError } from "../../../repositories/index.ts";
import type { Auth } from "../../auth/index.ts";
import { authorizeOperation } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import { JsonError, type JsonOperation, type JsonService, modelIn, serveJson } from "../json.ts";
import type { AwsService } from "../service.ts";
import { checkAccess } from "./access.ts";
import type { EcrCall, EcrContext, EcrOperation } from "./context.ts";
import { batchDeleteImage, batchGetImage, describeImages, listImages, putImage } from "./images.ts";
import {
  batchCheckLayerAvailability,
  completeLayerUpload,
  getDownloadUrlForLayer,
  initiateLayerUpload,
  uploadLayerPart,
} from "./layers.ts";
import {
  deleteLifecyclePolicy,
  deleteRepositoryPolicy,
  getLifecyclePolicy,
  getRepositoryPolicy,
  putLifecyclePolicy,
  setRepositoryPolicy,
} from "./policies.ts";
import { createRegistryDoor } from "./registry/door.ts";
import {
  createRepository,
  deleteRepository,
  describeRegistry,
  describeRepositories,
  hostOf,
  listTagsForResource,
  putImageScanningConfiguration,
  putImageTagMutability,
  tagResource,
  untagResource,
} from "./repositories.ts";
import { createTokens } from "./tokens.ts";

export interface EcrNeeds {
  readonly repositories?: Repositories | undefined;
  readonly sealer?: Sealer | undefined;
  /** absent: nobody's signature is checked */
  readonly auth?: Auth | undefined;
  report(error: unknown): void;
}

function getAuthorizationToken({ context, exchange }: EcrCall<object>) {
  const { password, expires } = context.tokens.issue(exchange.caller, exchange.request);
  const authorizationToken = Buffer.from(`AWS:${password}`).toString("base64");
  const proxyEndpoint = `http://${hostOf(exchange)}`;
  return { authorizationData: [{ authorizationToken, expiresAt: expires / 1000, proxyEndpoint }] };
}

const operations = {
  BatchCheckLayerAvailability: batchCheckLayerAvailability,
  BatchDeleteImage: batchDeleteImage,
  BatchGetImage: batchGetImage,
  CompleteLayerUpload: completeLayerUpload,
  CreateRepository: createRepository,
  DeleteLifecyclePolicy: deleteLifecyclePolicy,
  DeleteRepository: deleteRepository,
  DeleteRepositoryPolicy: deleteRepositoryPolicy,
  DescribeImages: describeImages,
  DescribeRegistry: describeRegistry,
  DescribeRepositories: describeRepositories,
  GetAuthorizationToken: getAuthorizationToken,
  GetDownloadUrlForLayer: getDownloadUrlForLayer,
  GetLifecyclePolicy: getLifecyclePolicy,
  GetRepositoryPolicy: getRepositoryPolicy,
  InitiateLayerUpload: initiateLayerUpload,
  ListImages: listImages,
  ListTagsForResource: listTagsForResource,
  PutImage: putImage,
  PutImageScanningConfiguration: putImageScanningConfiguration,
  PutImageTagMutability: putImageTagMutability,
  PutLifecyclePolicy: putLifecyclePolicy,
  SetRepositoryPolicy: setRepositoryPolicy,
  TagResource: tagResource,
  UntagResource: untagResource,
  UploadLayerPart: uploadLayerPart,
};

export const target = "AmazonEC2ContainerRegistry_V20150921.";
/** A part of a layer, in base64, with room to spare. */
const requestBytes = 32 * 1024 * 1024;

/** Amazon ECR: its API, and the registry that images are pushed to, at `/v2/`. */
export function createEcr({ repositories, sealer, auth, report }: EcrNeeds): AwsService {
  if (repositories === undefined || sealer === undefined) {
    throw new ServiceError("NotImplementedException", "There are no repositories of images here");
  }
  const context: EcrContext = { repositories, tokens: createTokens(sealer, auth, Date.now) };
  const bound = Object.entries(operations).map(([name, operation]): [string, JsonOperation] => [
    name,
    (call) => inItsWords(() => (operation as EcrOperation<never>)({ ...call, context })),
  ]);
  const service: JsonService = {
    prefix: target,
    model: modelIn(import.meta.dirname),
    operations: Object.fromEntries(bound),
    requestBytes,
    invalid: "InvalidParameterException",
    authorize: (caller, operation, input) => mayCall(repositories, caller, operation, input as About),
    report,
  };
  const door = createRegistryDoor({ ...context, isChecked: auth !== undefined, report });
  return {
    serve: (exchange) =>
      exchange.request.headers["x-amz-target"] === undefined ? door(exchange) : serveJson(service, exchange),
  };
}

interface About {
  readonly registryId?: string;
  readonly repositoryName?: string;
  readonly repositoryNames?: readonly string[];
  readonly resourceArn?: string;
}

/** Throws AccessDeniedException. */
function mayCall(repositories: Repositories, caller: Caller, operation: string, input: About): void {
  const { registryId: account = caller.account, repositoryName, repositoryNames = [], resourceArn = "" } = input;
  const [, region = "", owner = "", tagged] =
    /^arn:[^:]+:ecr:([^:]*):(\d{12}):repository\/(.+)$/.exec(resourceArn) ?? [];
  const about = [...repositoryNames, ...(repositoryName === undefined ? [] : [repositoryName])].map((repository) => ({
    account,
    region: caller.region,
    repository,
  }));
  if (tagged !== undefined) about.push({ account: owner, region, repository: tagged });
  if (about.length === 0) {
    // Of another's registry as a whole nothing is told.
    if (account !== caller.account) checkAccess(caller, operation, { account, region: caller.region, repository: "*" });
    authorizeOperation(caller, operation, {});
  }
  for (const of of about) {
    const there = repositories
      .named(of.repository)
      .find((one) => one.account === of.account && one.region === of.region);
    checkAccess(caller, operation, there ?? of);
  }
}

async function inItsWords<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof RepositoryError ? new JsonError(error.code, error.message, 400, error.fields) : error;
  }
}
