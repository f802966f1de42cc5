"use strict";
/** Runs handlers wrapped in awslambda.streamifyResponse(): (event, responseStream, context), always async. */
const { ResponseStream } = require("./streaming.cjs");

/** Resolves when everything has been written; rejects when the stream breaks or nothing is left that could end it. */
function whole(stream) {
  if (stream.writableFinished) return undefined;
  return new Promise((resolve, reject) => {
    const idle = () => reject(new Error("Response stream is not finished."));
    process.once("beforeExit", idle);
    const settle = (error) => {
      process.removeListener("beforeExit", idle);
      if (error) reject(error);
      else resolve();
    };
    stream.once("finish", () => settle());
    stream.once("close", () =>
      settle(stream.writableFinished ? undefined : new Error("Response stream is not finished.")),
    );
  });
}

/** @param {Function} handler @param {object} session @param {(title: string, error: unknown) => void} logError @param {() => void} finished asks for the next event */
function createInvoke(handler, highWaterMark, session, logError, finished) {
  return async function invoke(json) {
    const stream = new ResponseStream(session, highWaterMark);
    // An error of the stream fails the invocation below; without a listener it would end the process.
    let broken;
    stream.on("error", (error) => {
      broken = error;
    });
    try {
      const promise = handler(JSON.parse(json), stream, session.context());
      if (typeof promise?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
      if ((await promise) !== undefined) console.warn("Streaming handlers ignore return values.");
      if (broken) throw broken;
      await whole(stream);
      session.end();
    } catch (error) {
      logError("Invoke Error", error);
      session.fail(error);
    }
    finished();
  };
}

module.exports = { createInvoke };
