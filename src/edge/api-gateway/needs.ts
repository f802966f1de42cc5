import type { IncomingMessage } from "node:http";
import type { Registry } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import type { CallNeeds } from "../proxy/call.ts";
import type { RequestParts } from "../proxy/parts.ts";
import type { Apis } from "./apis.ts";
import type { RestApis } from "./rest/apis.ts";

/** What the data plane of API Gateway asks of the house. */
export interface GatewayNeeds extends Omit<CallNeeds, "registry"> {
  readonly registry: Registry;
  readonly apis: Apis;
  readonly restApis: RestApis;
  /**
   * Who signed a request for a service. Rejects with Refusal when a signature is wrong; undefined: it has none. Where signatures are not
   * checked, whoever it says.
   */
  signer(request: IncomingMessage, parts: RequestParts, service: string): Promise<Caller | undefined>;
  report(error: unknown): void;
}
