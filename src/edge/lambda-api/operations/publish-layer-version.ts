import type { PublishLayerVersionRequest } from "@aws-sdk/client-lambda";
import { timestamp } from "../../../registry/index.ts";
import { takeCode } from "../code-input.ts";
import { checkCodeStorage } from "../code-storage.ts";
import { layerRef, layerView } from "../layers.ts";
import type { Operation } from "../operation.ts";
import { signedCode } from "../signing.ts";

/** POST /2018-10-31/layers/{LayerName}/versions */
export const publishLayerVersion: Operation<PublishLayerVersionRequest> = async (call) => {
  const { input, scope, needs, links, origin } = call;
  const ref = layerRef(input.LayerName ?? "", scope);
  checkCodeStorage(needs.registry, ref.scope, input.Content?.ZipFile?.length ?? 0);
  const code = await signedCode(needs, await takeCode(needs, call.caller, input.Content ?? {}));
  const { Description, CompatibleRuntimes, CompatibleArchitectures, LicenseInfo } = input;
  const record = needs.registry.layers.publish(ref.scope, ref.name, {
    code,
    createdDate: timestamp(),
    ...(Description === undefined ? {} : { description: Description }),
    ...(CompatibleRuntimes === undefined ? {} : { compatibleRuntimes: CompatibleRuntimes }),
    ...(CompatibleArchitectures === undefined ? {} : { compatibleArchitectures: CompatibleArchitectures }),
    ...(LicenseInfo === undefined ? {} : { licenseInfo: LicenseInfo }),
  });
  return { body: layerView(record, links, origin) };
};
