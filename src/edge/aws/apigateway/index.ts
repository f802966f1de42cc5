import type { Registry } from "../../../registry/index.ts";
import type { RestApis } from "../../api-gateway/rest/apis.ts";
import type { TestAnswer, TestRequest } from "../../api-gateway/rest/test-invoke.ts";
import type { RestOperation } from "../rest-json.ts";
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
import { createGatewayService, functionFor } from "./service.ts";
import * as stages from "./stages.ts";

export interface ApiGatewayNeeds {
  readonly registry: Registry;
  readonly restApis: RestApis;
  forgetAuthorizations(apiId: string, stage: string): void;
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
  report(error: unknown): void;
}

type RestApiOperation = (context: RestContext, call: RestCall<never>) => ReturnType<RestOperation>;

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

/** Amazon API Gateway: REST APIs. What they do with requests is in edge/api-gateway/rest. */
export function createApiGateway(needs: ApiGatewayNeeds): AwsService {
  const context: RestContext = { ...needs, rest: needs.restApis, clock: Date.now };
  return createGatewayService({
    model: serviceModel(),
    prefix: "",
    operation(name) {
      const found = functionFor(byName, name);
      return typeof found === "function" ? (call) => (found as RestApiOperation)(context, call) : undefined;
    },
    report: needs.report,
  });
}
