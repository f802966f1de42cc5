"use strict";
/**
 * Runs the code between "an event has come" and "its answer is out" on events of its own, with a handler that does nothing
 * and a link that leads nowhere, so that the engine has it compiled. The function's handler is never called.
 */
const fs = require("node:fs");
const { openLink, type, HEADER_BYTES } = require("./link.cjs");
const { createSession } = require("./session.cjs");
const { createInvokeStore } = require("./globals.cjs");
const { formatOf } = require("./console.cjs");
const { toDocument, toLogText } = require("./errors.cjs");

const EVENTS = 20;
/** at so many of them the handler waits for a timer: one of its milliseconds each */
const WAITS = 2;

/** taken before a function can replace them */
const { setTimeout, performance } = globalThis;
const { readFileSync } = fs;

/** the head lines of an event from an SDK */
const HEAD = [
  "Lambda-Runtime-Aws-Request-Id: 00000000-0000-0000-0000-000000000000",
  "Lambda-Runtime-Deadline-Ms: 0",
  "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:none",
  "Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0",
  "",
].join("\r\n");

function invokeFrame() {
  const event = Buffer.from('{"none":[true]}');
  const frame = Buffer.alloc(HEADER_BYTES + 2 + HEAD.length + event.length);
  frame.writeUInt32LE(frame.length - HEADER_BYTES, 0);
  frame[4] = type.INVOKE;
  frame.writeUInt32LE(1, 8);
  frame.writeUInt16LE(HEAD.length, HEADER_BYTES);
  frame.write(HEAD, HEADER_BYTES + 2);
  frame.set(event, HEADER_BYTES + 2 + HEAD.length);
  return frame;
}

/** System calls of a host that sends so many events and takes every answer. */
function nowhere(events) {
  const frame = invokeFrame();
  let left = events;
  return {
    readSync: (_fd, into, at) => (left-- > 0 ? frame.copy(into, at) : 0),
    writeSync: (_fd, _bytes, _at, length) => length,
    writevSync: (_fd, parts) => parts.reduce((sum, part) => sum + part.length, 0),
  };
}

/** A handler that does `something` (async) and is marked as the function's own is (globals.cjs). */
function idle(handler, something) {
  const marks = Object.getOwnPropertySymbols(handler);
  const streaming = async (_event, stream) => {
    await something();
    stream.end("none");
  };
  const plain = async () => {
    await something();
    return { none: true };
  };
  const none = marks.length > 0 ? streaming : plain;
  for (const mark of marks) none[mark] = handler[mark];
  return none;
}

/**
 * What nearly every function does in time: log, look at the clock, read a file, fail, and wait. Node.js's own code for it is
 * compiled when it is first called, too: a first timer takes longer than all the rest of a small event.
 */
function createHabits(session) {
  const format = formatOf(process.env);
  const error = new Error("none");
  let waits = WAITS;
  return async () => {
    session.log(format(session, "INFO", ["none", { none: [1, "none", null, true] }]));
    performance.now();
    readFileSync(__filename, "utf8");
    toLogText(error);
    toDocument(error);
    if (waits-- > 0) await new Promise((done) => setTimeout(done, 1));
  };
}

/** Resolves when the loop that `createServer` makes is warm, and the process as it was before. */
async function prewarm(handler, createServer, modern, idBeforeFirst) {
  const trace = process.env._X_AMZN_TRACE_ID;
  const listeners = process.listeners("beforeExit");
  const session = createSession(openLink(-1, nowhere(EVENTS)), () => false, idBeforeFirst);
  const invokeStore = modern ? createInvokeStore(session) : undefined;
  await new Promise((ended) => {
    createServer({ handler: idle(handler, createHabits(session)), session, logError() {}, invokeStore, ended })();
  });
  for (const listener of process.listeners("beforeExit")) {
    if (!listeners.includes(listener)) process.removeListener("beforeExit", listener);
  }
  if (trace === undefined) delete process.env._X_AMZN_TRACE_ID;
  else process.env._X_AMZN_TRACE_ID = trace;
}

module.exports = { prewarm };
