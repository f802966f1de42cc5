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
const { enableCompileCache, loadHandler } = require("./loader.cjs");

/** Node.js 24 changed how Lambda calls handlers. */
const modern = Number.parseInt(process.versions.node, 10) >= 24;
const env = process.env;
const fd = Number(env._THAW_LINK_FD);
/** Does it serve several events at once? */
const concurrent = env.AWS_LAMBDA_MAX_CONCURRENCY ? require("./concurrent.cjs") : undefined;
const debugged = !concurrent && env._THAW_TEMPLATE !== "1" && /--inspect/.test(env.NODE_OPTIONS ?? "");
/** how it waits where a debugger is to be answered meanwhile */
const patience = debugged ? require("./inspected.cjs").createPatience(fd) : undefined;
const link = openLink(fd, concurrent?.calls ?? patience?.calls);
delete env._THAW_LINK_FD;
/** Processes of which the host takes an image are made fit for it; all others stay as Node.js has them. */
const uniqueness = env._THAW_TEMPLATE === "1" ? require("./uniqueness.cjs").makeUnique() : undefined;
const { prewarm } = uniqueness ? require("./prewarm.cjs") : {};
delete env._THAW_TEMPLATE;
/** Is it to be copied before it has a function? */
const bare = env._THAW_BARE === "1";
delete env._THAW_BARE;
/** What is compiled before it is called is compiled for all copies; where the function is loaded by a copy, only for that one. */
const eager = uniqueness !== undefined && !bare;
/** request id in log lines of the init phase */
const idBeforeFirst = modern ? "-" : undefined;
const hasRawOutput = watchRawOutput();
const session = createSession(link, hasRawOutput, idBeforeFirst);
const invokeStore = concurrent ? concurrent.createConcurrentStore() : modern ? createInvokeStore(session) : undefined;
let logFailure = patchConsole(concurrent ? concurrent.concurrentSession(session) : session, env);
const logError = (title, error) => logFailure(title, error);
if (!bare) defineGlobals(env, invokeStore);
/** a sandbox has them in its /node_modules */
if (__dirname !== "/var/runtime") require("./module-hooks.cjs").offerModules();

let initialised = false;
/** the life of a process that is to be copied, until its copy serves */
let template;

/** Reports what nobody caught, then ends the process with the exit code of Lambda's runtimes. */
function die(title, error, code) {
  if (template?.isBusy()) template.fail(error);
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

function createInvoke(handler, session, logError, finished) {
  const streaming = streamingOf(handler);
  if (streaming) {
    const { createInvoke } = require("./invoke-streaming.cjs");
    return createInvoke(handler, streaming.highWaterMark, session, logError, finished);
  }
  if (modern || concurrent) {
    const { createInvoke, refuseCallback } = require("./invoke-async.cjs");
    refuseCallback(handler);
    return createInvoke(handler, session, logError, finished);
  }
  return require("./invoke-callback.cjs").createInvoke(handler, session, logError, finished);
}

/**
 * Returns the function that waits for the next event and runs it, and so on until the host wants no more: then `ended` is
 * called. Throws where a handler cannot be called in this version of Node.js.
 */
function createServer({ handler, session, logError, invokeStore, ended }) {
  const invoke = createInvoke(handler, session, logError, () => setImmediate(wait));

  /** A turn of the event loop of its own, so that what the last invocation left behind gets its chance to run. */
  function next() {
    const event = session.next();
    if (event === undefined) return ended();
    invokeStore?.begin();
    invoke(event);
  }

  const wait = patience ? () => patience.whenThere(next) : next;
  return wait;
}

const createLife = (needs) => {
  const { createTemplate } = require("./template.cjs");
  return createTemplate({ link, session, uniqueness, now, logError, ended: shutDown, ...needs });
};

/** Loads the handler and says that it is ready. `rehearses`: nobody waits, and events of its own come before. */
async function init(boot, rehearses = false) {
  const compiles = env._THAW_COMPILE === "1";
  delete env._THAW_COMPILE;
  const handOver = compiles ? require("./compiled.cjs").keepCompiled() : enableCompileCache(env);
  const endEager = eager
    ? require("./eager.cjs").compileEagerly(Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE))
    : undefined;
  const load = now();
  const handler = await loadHandler(env.LAMBDA_TASK_ROOT ?? process.cwd(), env._HANDLER ?? "", modern);
  endEager?.();
  const serve = createServer({ handler, session, logError, invokeStore, ended: shutDown });
  const loaded = now();
  handOver?.(link);
  if (rehearses) await prewarm(handler, createServer, modern, idBeforeFirst);
  initialised = true;
  session.ready({ boot, load, loaded });
  return { handler, serve };
}

/** Loads the handler and waits for events, or first for the word that this process is to be copied. */
async function run() {
  const { handler, serve } = await init(boot);
  if (concurrent) {
    const invokeOf = (session, finished) => createInvoke(handler, session, logError, finished);
    return concurrent.serveConcurrently({ fd, link, hasRawOutput, createInvoke: invokeOf, ended: shutDown });
  }
  if (!uniqueness) return setImmediate(serve);
  template = createLife({ prewarm: () => prewarm(handler, createServer, modern, idBeforeFirst), serve });
  setImmediate(template.wait);
}

/** Makes ready whatever needs no function and waits to be copied; a copy then does what any start does. */
async function runBare() {
  const { preload, rehearseLoad } = require("./bare.cjs");
  const load = now();
  preload();
  template = createLife({
    prewarm: async () => {
      await prewarm(async () => {}, createServer, modern, idBeforeFirst);
      await rehearseLoad(modern);
    },
    load(boot, rehearses) {
      logFailure = patchConsole(session, env);
      defineGlobals(env, invokeStore);
      init(boot, rehearses).then(({ serve }) => setImmediate(serve), failInit);
    },
  });
  session.ready({ boot, load, loaded: now() });
  setImmediate(template.wait);
}

function failInit(error) {
  die(modern ? "Init Error" : "Uncaught Exception", error, modern ? 1 : 129);
}

(bare ? runBare() : run()).catch(failInit);
