"use strict";
/**
 * Runs handlers as Node.js 24 and later do on Lambda: the value a handler returns, or its promise, is the answer.
 * Callbacks and context.done, succeed and fail are gone.
 */
const { RuntimeError } = require("./errors.cjs");

function serialise(result) {
  try {
    return JSON.stringify(result) ?? "null";
  } catch {
    throw new RuntimeError("JSONStringifyError", "Unable to stringify response body");
  }
}

/** Throws for a handler that asks for a callback: a third parameter. */
function refuseCallback(handler) {
  if (handler.length < 3) return;
  throw new RuntimeError(
    "CallbackHandlerDeprecated",
    "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
  );
}

/** @param {Function} handler @param {object} session @param {(title: string, error: unknown) => void} logError @param {() => void} finished asks for the next event */
function createInvoke(handler, session, logError, finished) {
  return async function invoke(json) {
    try {
      const event = JSON.parse(json);
      const result = await handler(event, { ...session.context(), xRayTraceId: session.traceId });
      session.respond(serialise(result));
    } catch (error) {
      logError("Invoke Error", error);
      session.fail(error);
    }
    finished();
  };
}

module.exports = { createInvoke, refuseCallback };
