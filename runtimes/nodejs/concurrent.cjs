"use strict";
/**
 * Several invocations at once (AWS_LAMBDA_MAX_CONCURRENCY): the link is read as events come, and each invocation has a session
 * of its own, found by AsyncLocalStorage wherever its code runs. Handlers are async; one that blocks blocks them all.
 */
const fs = require("node:fs");
const { AsyncLocalStorage } = require("node:async_hooks");
const { Socket } = require("node:net");
const { createSession } = require("./session.cjs");
const { HEADER_BYTES, MAX_PAYLOAD_BYTES } = require("./link.cjs");

const REQUEST_ID = Symbol.for("_AWS_LAMBDA_REQUEST_ID");
const TRACE_ID = Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID");
const TENANT_ID = Symbol.for("_AWS_LAMBDA_TENANT_ID");
const protectedKeys = [REQUEST_ID, TRACE_ID, TENANT_ID];

/** `{ session, context }` of the invocation whose code runs */
const running = new AsyncLocalStorage();

/** What console writes of: the running invocation, else the environment. */
function concurrentSession(own) {
  const current = () => running.getStore()?.session ?? own;
  return {
    logId: () => current().logId(),
    log: (message) => current().log(message),
    get tenantId() {
      return current().tenantId;
    },
  };
}

/** awslambda.InvokeStore with a context for each invocation. */
function createConcurrentStore() {
  const context = () => running.getStore()?.context;
  return {
    getContext: context,
    hasContext: () => context() !== undefined,
    get: (key) => context()?.[key],
    set(key, value) {
      if (protectedKeys.includes(key)) {
        throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
      }
      const own = context();
      if (own === undefined) throw new Error("No context available");
      own[key] = value;
    },
    run: (values, task) => running.run({ ...running.getStore(), context: values }, task),
    getRequestId: () => context()?.[REQUEST_ID] ?? "-",
    getXRayTraceId: () => context()?.[TRACE_ID],
    getTenantId: () => context()?.[TENANT_ID],
  };
}

/** Calls `take` with each frame (agent/PROTOCOL.md) of a socket, and `ended` when the host has closed it. */
function readFrames(fd, take, ended) {
  /** what has arrived of frames that are not whole, and how much there must be before another look is worth it */
  let parts = [];
  let held = 0;
  let wanted = HEADER_BYTES;
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on("data", (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let rest = parts.length === 1 ? chunk : Buffer.concat(parts);
    wanted = HEADER_BYTES;
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUInt32LE(0);
      if (length > MAX_PAYLOAD_BYTES) throw new Error(`a frame of ${length} bytes`);
      wanted = HEADER_BYTES + length;
      if (rest.length < wanted) break;
      take({ type: rest[4], stream: rest.readUInt32LE(8), payload: rest.subarray(HEADER_BYTES, wanted) });
      rest = rest.subarray(wanted);
      wanted = HEADER_BYTES;
    }
    parts = rest.length > 0 ? [rest] : [];
    held = rest.length;
  });
  socket.on("error", ended);
  socket.on("end", ended);
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** A system call that waits, on a descriptor that is read as events come and therefore does not block by itself. */
function patient(call) {
  return (...args) => {
    for (;;) {
      try {
        return call(...args);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
      }
      Atomics.wait(sleeper, 0, 0, 1);
    }
  };
}

/** What link.cjs writes with. */
const calls = {
  readSync: fs.readSync,
  writeSync: patient(fs.writeSync),
  writevSync: patient(fs.writevSync),
};

/**
 * Serves every event as it comes.
 * @param {{ fd: number, link: ReturnType<typeof import("./link.cjs").openLink>, hasRawOutput: () => boolean,
 *   createInvoke: (session: object, finished: () => void) => (json: string) => void, ended: () => void }} needs
 */
function serveConcurrently({ fd, link, hasRawOutput, createInvoke, ended }) {
  // One listener for each invocation that streams or waits is no leak.
  process.setMaxListeners(0);
  readFrames(
    fd,
    (frame) => {
      const session = createSession({ ...link, receive: () => frame }, hasRawOutput, "-");
      const json = session.next();
      // It is of one invocation, and would be of all.
      delete process.env._X_AMZN_TRACE_ID;
      const context = {
        [REQUEST_ID]: session.logId(),
        [TRACE_ID]: session.traceId,
        [TENANT_ID]: session.tenantId,
      };
      running.run({ session, context }, () => createInvoke(session, () => {})(json));
    },
    ended,
  );
}

module.exports = { calls, concurrentSession, createConcurrentStore, serveConcurrently };
