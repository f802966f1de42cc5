import type { ListCodeSigningConfigsRequest } from "@aws-sdk/client-lambda";
import { codeSigningView } from "../code-signing.ts";
import type { Operation } from "../operation.ts";
import { pageOf } from "../pages.ts";

/** GET /2020-04-22/code-signing-configs, by id */
export const listCodeSigningConfigs: Operation<ListCodeSigningConfigsRequest> = ({ input, scope, needs }) => {
  const own = needs.registry.codeSigning.list(scope.account).filter(({ region }) => region === scope.region);
  const { items, nextMarker } = pageOf(own, ({ id }) => id, input.Marker, input.MaxItems);
  return {
    body: {
      CodeSigningConfigs: items.map(codeSigningView),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};
