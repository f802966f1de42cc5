import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GetSigningPlatformRequest } from "@aws-sdk/client-signer";
import type { Registry } from "../../../registry/index.ts";
import type { ServiceModel, Shape } from "../../lambda-api/model.ts";
import type { JobRecord, ProfileRecord } from "../../signing/records.ts";
import { signingKinds } from "../../signing/signatures.ts";
import { createRestJson, type RestCall, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import { refusal, type SignerContext, type SignerObjects } from "./context.ts";
import { describeSigningJob, listSigningJobs, revokeSignature, signPayload, startSigningJob } from "./jobs.ts";
import { lambdaPlatform } from "./platforms.ts";
import {
  cancelSigningProfile,
  getSigningProfile,
  listSigningProfiles,
  putSigningProfile,
  revokeSigningProfile,
} from "./profiles.ts";
import { listTagsForResource, tagResource, untagResource } from "./tags.ts";

export interface SignerNeeds {
  readonly registry: Pick<Registry, "named">;
  readonly objects?: SignerObjects | undefined;
  report(error: unknown): void;
}

const operations = {
  CancelSigningProfile: cancelSigningProfile,
  DescribeSigningJob: describeSigningJob,
  GetSigningPlatform: getSigningPlatform,
  GetSigningProfile: getSigningProfile,
  ListSigningJobs: listSigningJobs,
  ListSigningPlatforms: () => ({ platforms: [lambdaPlatform] }),
  ListSigningProfiles: listSigningProfiles,
  ListTagsForResource: listTagsForResource,
  PutSigningProfile: putSigningProfile,
  RevokeSignature: revokeSignature,
  RevokeSigningProfile: revokeSigningProfile,
  SignPayload: signPayload,
  StartSigningJob: startSigningJob,
  TagResource: tagResource,
  UntagResource: untagResource,
};

/** 50 MB of zip in base64, and what stands around it. */
const requestBytes = 70_000_000;

/** AWS Signer, as far as code of functions is signed with it: the keys are made and kept here. */
export function createSigner(needs: SignerNeeds): AwsService {
  const context: SignerContext = {
    profiles: needs.registry.named<ProfileRecord>(signingKinds.profile),
    jobs: needs.registry.named<JobRecord>(signingKinds.job),
    objects: needs.objects,
    clock: Date.now,
  };
  const bound = Object.entries(operations).map(([name, operation]): [string, RestOperation] => [
    name,
    (call) =>
      (operation as (context: SignerContext, call: RestCall<never>) => ReturnType<RestOperation>)(context, call),
  ]);
  return {
    serve: createRestJson({
      model: model(),
      operations: Object.fromEntries(bound),
      requestBytes,
      report: needs.report,
    }),
  };
}

/** Whole archives are signed here, where AWS takes digests of 4 KB. */
function model(): ServiceModel {
  const file = join(import.meta.dirname, "generated/model.json");
  const { operations, shapes } = JSON.parse(readFileSync(file, "utf8")) as ServiceModel;
  const payload: Shape = { type: "blob", min: 1 };
  return { operations, shapes: { ...shapes, Payload: payload } };
}

function getSigningPlatform(_context: SignerContext, { input }: RestCall<GetSigningPlatformRequest>) {
  if (input.platformId === lambdaPlatform.platformId) return lambdaPlatform;
  throw refusal("ResourceNotFoundException", `Signing platform ${input.platformId} not found.`);
}
