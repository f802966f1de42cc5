import { custom, customHandlers } from "./custom.ts";
import type { Handler, Handlers } from "./handler.ts";
import { httpApiHandlers } from "./http-apis.ts";
import { iamHandlers } from "./iam.ts";
import { lambdaHandlers } from "./lambda.ts";
import { loadBalancerHandlers } from "./load-balancers.ts";
import { messagingHandlers } from "./messaging.ts";
import { nestedStackHandlers } from "./nested-stack.ts";
import { observingHandlers } from "./observing.ts";
import { restApiHandlers } from "./rest-apis.ts";
import { settingsHandlers } from "./settings.ts";
import { storageHandlers } from "./storage.ts";

const handlers: Handlers = {
  ...lambdaHandlers,
  ...iamHandlers,
  ...messagingHandlers,
  ...storageHandlers,
  ...settingsHandlers,
  ...observingHandlers,
  ...httpApiHandlers,
  ...restApiHandlers,
  ...loadBalancerHandlers,
  ...nestedStackHandlers,
  ...customHandlers,
};

/** Undefined: there is none for the type. */
export function handlerOf(type: string): Handler | undefined {
  if (type.startsWith("Custom::")) return custom;
  return Object.hasOwn(handlers, type) ? handlers[type] : undefined;
}

export const knownTypes: readonly string[] = [...Object.keys(handlers), "Custom::*"].sort();

export { type Calls, createCalls, isMissing, type ServiceAnswer, ServiceFailure } from "./calls.ts";
export type { Answers, Existing, Handler, Made, Work } from "./handler.ts";
