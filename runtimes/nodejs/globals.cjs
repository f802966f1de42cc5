"use strict";
/** The global `awslambda` of Lambda's Node.js runtimes. Symbols as published: packages mark their handlers with them. */
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const REQUEST_ID = Symbol.for("_AWS_LAMBDA_REQUEST_ID");
const TRACE_ID = Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID");
const TENANT_ID = Symbol.for("_AWS_LAMBDA_TENANT_ID");

/** What libraries may keep for the length of one invocation (`@aws/lambda-invoke-store` finds it here). */
function createInvokeStore(session) {
  const protectedKeys = [REQUEST_ID, TRACE_ID, TENANT_ID];
  let context;
  return {
    getContext: () => context,
    hasContext: () => context !== undefined,
    get: (key) => context?.[key],
    set(key, value) {
      if (protectedKeys.includes(key)) {
        throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
      }
      context ??= {};
      context[key] = value;
    },
    run(values, task) {
      context = values;
      return task();
    },
    getRequestId: () => context?.[REQUEST_ID] ?? "-",
    getXRayTraceId: () => context?.[TRACE_ID],
    getTenantId: () => context?.[TENANT_ID],
    /** the next invocation's own, empty but for what the platform knows */
    begin() {
      context = { [REQUEST_ID]: session.logId(), [TRACE_ID]: session.traceId, [TENANT_ID]: session.tenantId };
    },
  };
}

/** Sets `globalThis.awslambda` unless AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA forbids it. */
function defineGlobals(env, invokeStore) {
  if (["1", "true"].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = "response";
      if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    // Loaded on use: most functions do not stream.
    get HttpResponseStream() {
      return require("./streaming.cjs").HttpResponseStream;
    },
    // Ours: what `require("@thaw/snapshot")` gives, for ES modules too.
    get snapshot() {
      return require("./hooks.cjs").snapshot;
    },
  };
  if (invokeStore) globalThis.awslambda.InvokeStore = invokeStore;
}

/** How a handler wants to be called. Throws `Runtime.MalformedStreamingHandler` for an unknown mark. */
function streamingOf(handler) {
  const mark = handler[STREAMING];
  if (mark === undefined || mark === null || mark === false) return undefined;
  if (mark !== "response") {
    const { RuntimeError } = require("./errors.cjs");
    throw new RuntimeError("MalformedStreamingHandler", "Only response streaming is supported.");
  }
  const highWaterMark = Number(handler[HIGH_WATER_MARK]);
  return { highWaterMark: highWaterMark > 0 ? highWaterMark : undefined };
}

module.exports = { createInvokeStore, defineGlobals, streamingOf };
