import type { Registry } from "../../../registry/index.ts";
import type { Apis } from "../../api-gateway/apis.ts";
import { createGatewayService, functionFor } from "../apigateway/service.ts";
import type { RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import * as apis from "./apis.ts";
import { authorizerOperations } from "./authorizers.ts";
import type { GatewayCall, GatewayContext } from "./context.ts";
import * as domains from "./domains.ts";
import * as importing from "./import.ts";
import { integrationOperations } from "./integrations.ts";
import { serviceModel } from "./model.ts";
import { partOperations } from "./parts.ts";
import * as routes from "./routes.ts";
import { routeOperations } from "./routes.ts";
import * as stages from "./stages.ts";
import type { Operations } from "./tables.ts";
import * as tags from "./tags.ts";

export interface ApiGatewayV2Needs {
  readonly registry: Registry;
  readonly apis: Apis;
  forgetAuthorizations(apiId: string, stage: string): void;
  report(error: unknown): void;
}

type GatewayOperation = (context: GatewayContext, call: GatewayCall<never>) => ReturnType<RestOperation>;

const ofTables: Operations = {
  ...authorizerOperations,
  ...integrationOperations,
  ...routeOperations,
  ...partOperations,
};

const byName: Readonly<Record<string, unknown>> = {
  ...apis,
  ...domains,
  ...importing,
  ...routes,
  ...stages,
  ...tags,
};

/** Amazon API Gateway v2: HTTP and WebSocket APIs. What they do with requests is in edge/api-gateway. */
export function createApiGatewayV2(needs: ApiGatewayV2Needs): AwsService {
  const context: GatewayContext = { ...needs, clock: Date.now };
  return createGatewayService({
    model: serviceModel(),
    prefix: "/v2",
    operation(name) {
      const found = ofTables[name] ?? functionFor(byName, name);
      if (typeof found !== "function") return undefined;
      return (call, origin) => (found as GatewayOperation)(context, { ...call, origin });
    },
    report: needs.report,
  });
}
