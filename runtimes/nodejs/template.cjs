"use strict";
/**
 * The life of a process that is to be copied (agent/PROTOCOL.md, PREPARE and RESUME): its init is over, it makes itself
 * ready, says so, and reads. That read returns in its copies only; everything they need has run once before it.
 */
const Module = require("node:module");
const { type } = require("./link.cjs");
const hooks = require("./hooks.cjs");

/** Exit codes and names of failed hooks as Lambda's runtimes have them (awslambdaric, aws-lambda-java-runtime). */
const BEFORE = { code: 64, name: "Runtime.BeforeSnapshotError" };
const AFTER = { code: 65, name: "Runtime.AfterRestoreError" };

/** Takes over the variables of RESUME; a null deletes one. */
function adoptEnvironment(env) {
  for (const name of Object.keys(env)) {
    if (env[name] === null) delete process.env[name];
    else process.env[name] = env[name];
  }
}

/** Makes the variables those of RESUME and no others, but for what the agent gives to every runtime. */
function replaceEnvironment(env) {
  const paths = process.env.NODE_PATH;
  for (const name of Object.keys(process.env)) {
    if (name !== "AWS_LAMBDA_RUNTIME_API" && !Object.hasOwn(env, name)) delete process.env[name];
  }
  adoptEnvironment(env);
  // Node.js has read it long before.
  if (process.env.NODE_PATH !== paths) Module._initPaths();
}

/**
 * @param {object} needs
 * @param {{ receive(): object | undefined }} needs.link
 * @param {object} needs.session
 * @param {{ drew(): boolean, endInit(): void, renew(): void }} needs.uniqueness
 * @param {() => number} needs.now milliseconds of CLOCK_MONOTONIC
 * @param {() => Promise<void>} needs.prewarm runs the code that serves events, once before all copies
 * @param {(title: string, error: unknown) => void} needs.logError
 * @param {() => void} [needs.serve] waits for events
 * @param {(boot: number, rehearses: boolean) => void} [needs.load] instead: loads the function, which only copies have
 * @param {() => void} needs.ended the host wants no more
 * @returns {{ wait(): void, isBusy(): boolean, fail(error: unknown): never }} `wait` for PREPARE; while it `isBusy`, what
 * nobody caught is to `fail` it
 */
function createTemplate({ link, session, uniqueness, now, prewarm, logError, serve, load, ended }) {
  /** it prepares itself, or wakes: what goes wrong now is a failed start */
  let busy = false;
  let copied = false;
  /** this copy has time before its first event: it brings into memory what serving one touches */
  let rehearses = false;

  function fail(error) {
    const { code, name } = copied ? AFTER : BEFORE;
    logError(copied ? "Restore Error" : "Init Error", error);
    if (copied) session.failRestore(error, name);
    else session.failInit(error, name);
    process.exit(code);
  }

  function receive(wanted) {
    const frame = link.receive();
    if (frame !== undefined && frame.type !== wanted) throw new Error(`unexpected frame of type ${frame.type}`);
    return frame;
  }

  function wait() {
    if (receive(type.PREPARE) === undefined) return ended();
    busy = true;
    prepare().catch(fail);
  }

  async function prepare() {
    await hooks.runBefore();
    globalThis.gc?.();
    globalThis.gc?.();
    await prewarm();
    await rehearse();
    // Out of the promise: what a copy runs first has nothing above it.
    setImmediate(sleep);
  }

  /** Whatever a copy does before its first event is done once here: it finds it compiled. */
  async function rehearse() {
    const bare = load !== undefined;
    const woken = wake(Buffer.from(JSON.stringify({ env: bare ? { ...process.env } : {}, load: bare })));
    hooks.hasAfter();
    await hooks.runAfter([async () => {}]);
    await new Promise((done) => begin({ boot: woken, load: woken }, JSON.stringify, done));
    busy = true;
  }

  function sleep() {
    uniqueness.endInit();
    session.prepared(uniqueness.drew());
    const frame = receive(type.RESUME);
    if (frame === undefined) return ended();
    copied = true;
    const boot = now();
    const marks = { boot, load: wake(frame.payload) };
    if (load !== undefined) {
      busy = false;
      load(boot, rehearses);
    } else if (rehearses || hooks.hasAfter()) {
      const rehearsed = rehearses ? prewarm() : Promise.resolve();
      rehearsed.then(() => hooks.runAfter()).then(() => begin(marks, session.ready, serve), fail);
    } else begin(marks, session.ready, serve);
  }

  /** Makes this copy itself; returns when that was done. */
  function wake(payload) {
    const document = JSON.parse(payload.toString("utf8"));
    rehearses = document.rehearse === true;
    if (load === undefined) {
      adoptEnvironment(document.env);
    } else {
      if (document.load !== true) throw new Error("a copy without a function is to load none");
      replaceEnvironment(document.env);
      process.chdir(process.env.LAMBDA_TASK_ROOT ?? ".");
    }
    session.adopt();
    uniqueness.renew();
    return now();
  }

  function begin(marks, report, next) {
    busy = false;
    report({ ...marks, loaded: now() });
    next();
  }

  return { wait, fail, isBusy: () => busy };
}

module.exports = { createTemplate };
