"use strict";
/**
 * Entry of the managed Node.js runtimes: `node bootstrap.cjs`, with its link to the host at fd `_THAW_LINK_FD`. Written
 * for Node.js 18 to 26; up to 22 it behaves as aws-lambda-ric 3, from 24 on as aws-lambda-ric 4.
 */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const boot = now();

const { openLink } = require("./link.cjs");
const { watchRawOutput } = require("./raw-output.cjs");
const { createSession } = require("./session.cjs");
const { patchConsole } = require("./console.cjs");
const { createInvokeStore, defineGlobals, streamingOf } = require("./globals.cjs");
const { loadHandler } = require("./loader.cjs");

/** Node.js 24 changed how Lambda calls handlers. */
const modern = Number.parseInt(process.versions.node, 10) >= 24;
const env = process.env;
const link = openLink(Number(env._THAW_LINK_FD));
delete env._THAW_LINK_FD;
const session = createSession(link, watchRawOutput(), modern ? "-" : undefined);
const logError = patchConsole(session, env);
const invokeStore = modern ? createInvokeStore(session) : undefined;
defineGlobals(env, invokeStore);

let initialised = false;

/** Reports what nobody caught, then ends the process with the exit code of Lambda's runtimes. */
function die(title, error, code) {
  logError(title, error);
  if (!initialised) session.failInit(error);
  else if (session.isOpen()) session.fail(error, true);
  process.exit(code);
}

/** Node.js 24 leaves both to Node: the stack on stderr, exit code 1. */
if (!modern) {
  process.on("uncaughtException", (error) => die("Uncaught Exception", error, 129));
  process.on("unhandledRejection", (reason, promise) => {
    const { RuntimeError } = require("./errors.cjs");
    const error = new RuntimeError("UnhandledPromiseRejection", String(reason));
    die("Unhandled Promise Rejection", Object.assign(error, { reason, promise }), 128);
  });
}

/** The host has closed the link: SIGTERM is on its way. Functions that listen for it get to run their listener. */
function shutDown() {
  if (process.listenerCount("SIGTERM") === 0) process.exit(0);
  // Signals are delivered by the event loop, which this keeps alive until then; the agent's SIGKILL ends it at the deadline.
  const hold = setInterval(() => {}, 60_000);
  process.once("SIGTERM", () => clearInterval(hold));
}

function createInvoke(handler) {
  const finished = () => setImmediate(next);
  const streaming = streamingOf(handler);
  if (streaming) {
    const { createInvoke } = require("./invoke-streaming.cjs");
    return createInvoke(handler, streaming.highWaterMark, session, logError, finished);
  }
  if (modern) {
    const { createInvoke, refuseCallback } = require("./invoke-async.cjs");
    refuseCallback(handler);
    return createInvoke(handler, session, logError, finished);
  }
  return require("./invoke-callback.cjs").createInvoke(handler, session, logError, finished);
}

let invoke;

/** A turn of the event loop of its own, so that what the last invocation left behind gets its chance to run. */
function next() {
  const event = session.next();
  if (event === undefined) return shutDown();
  invokeStore?.begin();
  invoke(event);
}

const load = now();
loadHandler(env.LAMBDA_TASK_ROOT ?? process.cwd(), env._HANDLER ?? "", modern)
  .then((handler) => {
    invoke = createInvoke(handler);
    initialised = true;
    session.ready({ boot, load, loaded: now() });
    setImmediate(next);
  })
  .catch((error) => die(modern ? "Init Error" : "Uncaught Exception", error, modern ? 1 : 129));
