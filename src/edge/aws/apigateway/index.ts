import type { Registry } from "../../../registry/index.ts";
import type { RestApis } from "../../api-gateway/rest/apis.ts";
import type { TestAnswer, TestRequest } from "../../api-gateway/rest/test-invoke.ts";
import { createRestJson, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import * as account from "./account.ts";
import * as apis from "./apis.ts";
import type { RestCall, RestContext } from "./context.ts";
import * as importing from "./import.ts";
import * as integrations from "./integrations.ts";
import { serviceModel } from "./model.ts";
import * as parts from "./parts.ts";
import * as plans from "./plans.ts";
import * as resources from "./resources.ts";
import * as stages from "./stages.ts";

export interface ApiGatewayNeeds {
  readonly registry: Registry;
  readonly restApis: RestApis;
  forgetAuthorizations(apiId: string, stage: string): void;
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
  report(error: unknown): void;
}

type RestApiOperation = (context: RestContext, call: RestCall<never>) => ReturnType<RestOperation>;

/** Functions that are called as their operations, but for the first letter. */
const byName: Readonly<Record<string, unknown>> = {
  ...account,
  ...apis,
  ...importing,
  ...integrations,
  ...parts,
  ...plans,
  ...resources,
  ...stages,
};

/** 6 MB of an OpenAPI document ("API definition … size", Quotas), and what stands around it. */
const requestBytes = 11_000_000;

/** Amazon API Gateway: REST APIs. What they do with requests is in edge/api-gateway/rest. */
export function createApiGateway(needs: ApiGatewayNeeds): AwsService {
  const context: RestContext = { ...needs, rest: needs.restApis, clock: Date.now };
  const model = serviceModel();
  const bound = Object.keys(model.operations).flatMap((name): [string, RestOperation][] => {
    const operation = byName[name.charAt(0).toLowerCase() + name.slice(1)];
    return typeof operation === "function" ? [[name, (call) => (operation as RestApiOperation)(context, call)]] : [];
  });
  return {
    serve: createRestJson({
      model,
      operations: Object.fromEntries(bound),
      requestBytes,
      invalid: "BadRequestException",
      // Policies speak of HTTP's methods and of paths here (Service Authorization Reference, "Amazon API Gateway Management").
      permission: (method, path, { region }) => ({
        action: `apigateway:${method}`,
        resource: `arn:aws:apigateway:${region}::${decodeURIComponent(path)}`,
      }),
      report: needs.report,
    }),
  };
}
