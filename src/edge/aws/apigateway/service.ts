import type { ServiceModel } from "../../lambda-api/model.ts";
import { createRestJson, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";

export interface GatewayService {
  readonly model: ServiceModel;
  /** What answers an operation; undefined: nothing does. */
  operation(name: string): RestOperation | undefined;
  /** what of a path is not in the ARNs that policies name: `/v2` */
  readonly prefix: string;
  report(error: unknown): void;
}

/** 10 MB of an OpenAPI document, the most that either version takes, and what stands around it. */
const requestBytes = 11_000_000;

/** The control plane of API Gateway, of either version. */
export function createGatewayService({ model, operation, prefix, report }: GatewayService): AwsService {
  const bound = Object.keys(model.operations).flatMap((name): [string, RestOperation][] => {
    const found = operation(name);
    return found === undefined ? [] : [[name, found]];
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
        resource: `arn:aws:apigateway:${region}::${decodeURIComponent(path.slice(prefix.length))}`,
      }),
      report,
    }),
  };
}

/** The function of an operation: it is called like it, but for the first letter. */
export function functionFor(functions: Readonly<Record<string, unknown>>, name: string): unknown {
  const called = name.charAt(0).toLowerCase() + name.slice(1);
  return Object.hasOwn(functions, called) ? functions[called] : undefined;
}
