"use strict";
/**
 * Runs handlers as Node.js 22 and older do on Lambda: a handler may be async, or call back, or use context.done,
 * succeed and fail. The value that a handler returns without a promise is ignored; a handler that neither calls back nor
 * leaves anything to wait for answers null.
 */

/** null and undefined are no error, as in any Node callback */
const isError = (value) => value !== undefined && value !== null;

function serialise(result) {
  let json;
  try {
    json = JSON.stringify(result);
  } catch {
    throw new Error("Unable to stringify response body");
  }
  return json ?? "null";
}

/** @param {Function} handler @param {object} session @param {(title: string, error: unknown) => void} logError @param {() => void} finished asks for the next event */
function createInvoke(handler, session, logError, finished) {
  /** runs when nothing is left to wait for in the event loop */
  let whenIdle = () => {};
  process.on("beforeExit", () => {
    const run = whenIdle;
    whenIdle = () => {};
    run();
  });

  return function invoke(json) {
    let waits = true;
    let called = false;
    const stream = session.stream();

    function succeedNow(result) {
      whenIdle = () => {};
      session.respond(serialise(result));
      finished();
    }
    function failNow(error) {
      whenIdle = () => {};
      logError("Invoke Error", error);
      session.fail(error);
      finished();
    }
    /** Only the first of all ways to answer counts, and only while this invocation is the current one. */
    function once(answer) {
      return (...args) => {
        if (called || session.stream() !== stream) return;
        // Set afterwards: an answer that cannot be serialised throws and may still be reported as a failure.
        answer(...args);
        called = true;
      };
    }

    const done = (error, result) => (isError(error) ? failNow(error) : succeedNow(result));
    const callback = once((error, result) => {
      if (isError(error)) failNow(error);
      else if (waits) whenIdle = () => succeedNow(result);
      else succeedNow(result);
    });
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
      done: once(done),
      succeed: once((result) => done(null, result)),
      fail: once((error) => failNow(isError(error) ? error : "handled")),
    };
    whenIdle = () => succeedNow(null);

    try {
      const event = JSON.parse(json);
      const result = handler(event, Object.assign(context, session.context()), callback);
      if (typeof result?.then === "function") result.then(context.succeed, context.fail).catch(context.fail);
    } catch (error) {
      callback(error);
    }
  };
}

module.exports = { createInvoke };
