import type { CreateCapacityProviderRequest } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../../model/index.ts";
import { type CapacityProviderRecord, capacityProviderArn, timestamp } from "../../../registry/index.ts";
import { providerView } from "../managed.ts";
import type { Operation } from "../operation.ts";
import { checkTags } from "../tags.ts";

/** Of one account in one region (Developer Guide, "Lambda quotas"). */
const most = 1000;

/** POST /2025-11-30/capacity-providers. Nothing has to be started: this machine is all the capacity there is. */
export const createCapacityProvider: Operation<CreateCapacityProviderRequest> = ({ input, scope, needs }) => {
  const { capacityProviders } = needs.registry;
  checkTags(input.Tags ?? {});
  const given = input.CapacityProviderName ?? "";
  const providerName = given.slice(given.lastIndexOf(":") + 1);
  const arn = capacityProviderArn(scope, providerName);
  if (given.startsWith("arn:") && given !== arn) {
    throw new ServiceError("InvalidParameterValueException", `${given} is not of this account and region.`);
  }
  const own = capacityProviders.list(scope.account).filter(({ region }) => region === scope.region);
  if (own.some((one) => one.providerName === providerName)) {
    throw new ServiceError("ResourceConflictException", `Capacity provider already exists: ${arn}`);
  }
  if (own.length >= most) {
    throw new ServiceError("CapacityProviderLimitExceededException", `There are ${most} capacity providers already.`);
  }
  const { VpcConfig, PermissionsConfig, InstanceRequirements, CapacityProviderScalingConfig } = input;
  const optional = {
    KmsKeyArn: input.KmsKeyArn,
    PropagateTags: input.PropagateTags,
    TelemetryConfig: input.TelemetryConfig,
  };
  const record: CapacityProviderRecord = {
    account: scope.account,
    name: `${scope.region}/${providerName}`,
    region: scope.region,
    providerName,
    settings: {
      VpcConfig,
      PermissionsConfig,
      InstanceRequirements: { Architectures: ["x86_64"], ...InstanceRequirements },
      CapacityProviderScalingConfig: { MaxVCpuCount: 400, ScalingMode: "Auto", ...CapacityProviderScalingConfig },
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    },
    lastModified: timestamp(),
    tags: input.Tags ?? {},
  };
  capacityProviders.put(record);
  return { body: { CapacityProvider: providerView(record, "Pending") } };
};
