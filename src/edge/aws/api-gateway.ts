import type { AwsService } from "./service.ts";
import type { ServicesNeeds } from "./services.ts";

/** REST APIs, and under `/v2` HTTP and WebSocket APIs: two services with one name in signatures, each loaded when it is asked. */
export function createApiGateways(needs: ServicesNeeds): AwsService {
  let first: Promise<AwsService> | undefined;
  let second: Promise<AwsService> | undefined;
  return {
    async serve(exchange) {
      if (exchange.url.pathname.startsWith("/v2/")) {
        second ??= import("./apigatewayv2/index.ts").then((room) => room.createApiGatewayV2(needs));
        return (await second).serve(exchange);
      }
      first ??= import("./apigateway/index.ts").then((room) => room.createApiGateway(needs));
      return (await first).serve(exchange);
    },
  };
}
