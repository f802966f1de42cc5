import type { Scope } from "../../registry/index.ts";
import type { Caller } from "../caller.ts";
import type { CodeLinks } from "./code-links.ts";
import type { LambdaApiNeeds } from "./needs.ts";
import type { Preparation } from "./preparation.ts";
import type { Provisioning } from "./provisioning.ts";

/** What an operation of the control plane works with. `input` has been checked against the model. */
export interface Call<Input> {
  readonly input: Input;
  /** the caller's account and region */
  readonly scope: Scope;
  readonly caller: Caller;
  /** `http://host:port` as the client reached us */
  readonly origin: string;
  readonly needs: LambdaApiNeeds;
  readonly preparation: Preparation;
  readonly provisioning: Provisioning;
  readonly links: CodeLinks;
}

export interface Reply {
  /** undefined: an empty answer */
  readonly body?: unknown;
  /** the model's status for a success, unless given */
  readonly status?: number;
}

/** One operation of the Lambda API, apart from invocations. Failures are thrown as ServiceError. */
export type Operation<Input> = (call: Call<Input>) => Reply | Promise<Reply>;
