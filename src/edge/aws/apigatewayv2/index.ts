import type { Registry } from "../../../registry/index.ts";
import type { Apis } from "../../api-gateway/apis.ts";
import { createRestJson, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import * as apis from "./apis.ts";
import * as authorizers from "./authorizers.ts";
import type { GatewayCall, GatewayContext } from "./context.ts";
import * as domains from "./domains.ts";
import * as importing from "./import.ts";
import * as integrations from "./integrations.ts";
import { serviceModel } from "./model.ts";
import { partOperations } from "./parts.ts";
import * as routes from "./routes.ts";
import * as stages from "./stages.ts";
import * as tags from "./tags.ts";

export interface ApiGatewayV2Needs {
  readonly registry: Registry;
  readonly apis: Apis;
  forgetAuthorizations(apiId: string, stage: string): void;
  report(error: unknown): void;
}

type GatewayOperation = (context: GatewayContext, call: GatewayCall<never>) => ReturnType<RestOperation>;

/** Functions that are called as their operations, but for the first letter. */
const byName: Readonly<Record<string, unknown>> = {
  ...apis,
  ...authorizers,
  ...domains,
  ...importing,
  ...integrations,
  ...routes,
  ...stages,
  ...tags,
};

/** 10 MB of an OpenAPI document, and what stands around it. */
const requestBytes = 11_000_000;

/** Amazon API Gateway v2: HTTP and WebSocket APIs. What they do with requests is in edge/api-gateway. */
export function createApiGatewayV2(needs: ApiGatewayV2Needs): AwsService {
  const context: GatewayContext = { ...needs, clock: Date.now };
  const model = serviceModel();
  const bound = Object.keys(model.operations).flatMap((name): [string, RestOperation][] => {
    const operation = partOperations[name] ?? byName[name.charAt(0).toLowerCase() + name.slice(1)];
    if (typeof operation !== "function") return [];
    return [[name, (call, origin) => (operation as GatewayOperation)(context, { ...call, origin })]];
  });
  return {
    serve: createRestJson({
      model,
      operations: Object.fromEntries(bound),
      requestBytes,
      invalid: "BadRequestException",
      // Policies speak of HTTP's methods and of paths here (Service Authorization Reference, "Amazon API Gateway Management V2").
      permission: (method, path, { region }) => ({
        action: `apigateway:${method}`,
        resource: `arn:aws:apigateway:${region}::${decodeURIComponent(path.replace(/^\/v2/, ""))}`,
      }),
      report: needs.report,
    }),
  };
}
