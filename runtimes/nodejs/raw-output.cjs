"use strict";
/**
 * Notices what is written to stdout and stderr past the link: it travels through the agent's pipes, and the answer has to
 * say so (flag 0x02 of agent/PROTOCOL.md) or could arrive first. What nothing here notices (a native addon that writes by
 * itself) is logged all the same, only perhaps behind its invocation's END.
 */
const fs = require("node:fs");
const { channel } = require("node:diagnostics_channel");

const names = [
  "write",
  "writeSync",
  "writev",
  "writevSync",
  "writeFile",
  "writeFileSync",
  "appendFile",
  "appendFileSync",
];
const targets = new Set([1, 2, "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"]);

/** Puts a function in `object`'s place of `name` that runs `before(args)` first and is else the same. */
function precede(object, name, before) {
  const original = object[name];
  if (typeof original !== "function") return;
  object[name] = function (...args) {
    before(args);
    return original.apply(this, args);
  };
  Object.defineProperties(object[name], Object.getOwnPropertyDescriptors(original));
}

/**
 * May a child that is started with these arguments write anywhere but to its parent? Its descriptors are a member of the
 * first argument, or, from Node.js 24 on, an argument of their own.
 */
function inherits(args) {
  const stdio = args.map((arg) => arg?.stdio ?? arg).find((arg) => Array.isArray(arg) && arg[0]?.type !== undefined);
  return stdio?.some(({ type }) => type !== "pipe" && type !== "ignore" && type !== "overlapped") ?? true;
}

/** process.stdout and stderr are made when first used, which takes its time: they are watched from then on. */
function onFirstUse(name, watch) {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  let stream;
  Object.defineProperty(process, name, {
    ...descriptor,
    get() {
      if (stream === undefined) {
        stream = descriptor.get.call(process);
        watch(stream);
      }
      return stream;
    },
  });
}

/** @returns {() => boolean} has anything been written since the last call, or may children be writing? */
function watchRawOutput() {
  let seen = false;
  let children = false;
  const mark = () => {
    seen = true;
  };
  const adopt = () => {
    children = true;
  };
  /** Nothing public tells in every version of Node how a child is started; the binding below all of it does. */
  const watchSpawn = (object, then) => precede(object, "spawn", (args) => inherits(args) && then());

  for (const name of ["stdout", "stderr"]) {
    onFirstUse(name, (stream) => {
      precede(stream, "_write", mark);
      precede(stream, "_writev", mark);
    });
  }
  for (const name of names) {
    precede(fs, name, ([target]) => {
      if (targets.has(target)) seen = true;
    });
  }
  // Node writes its warnings by itself.
  process.on("warning", mark);
  channel("worker_threads").subscribe(adopt);
  // Node.js 18 has no such channel, and tells a moment later.
  process.on("worker", adopt);
  watchSpawn(process.binding("process_wrap").Process.prototype, adopt);
  watchSpawn(process.binding("spawn_sync"), mark);

  return () => {
    const raw = seen || children;
    seen = false;
    return raw;
  };
}

module.exports = { watchRawOutput, precede };
