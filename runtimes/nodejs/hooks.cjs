"use strict";
/**
 * What a function wants done before its initialised process is copied, and in every copy. AWS has such hooks for Java,
 * Python and .NET; these are ours, in the same order: `beforeSnapshot` hooks run last registered first, `afterRestore`
 * hooks in the order of registration, each awaited before the next. An environment that starts without a snapshot runs none.
 */
const before = [];
const after = [];

function register(hooks, name) {
  return (hook, ...args) => {
    if (typeof hook !== "function") throw new TypeError(`${name} takes a function, not ${typeof hook}`);
    hooks.push(() => hook(...args));
  };
}

/** the API: `require("@thaw/snapshot")`, `awslambda.snapshot`; arguments behind the hook are handed to it */
const snapshot = Object.freeze({
  beforeSnapshot: register(before, "beforeSnapshot"),
  afterRestore: register(after, "afterRestore"),
});

/** Rejects with what a hook throws; no further one runs then. */
async function runBefore() {
  while (before.length > 0) await before.pop()();
}

/** Rejects like `runBefore`. Another list than the function's own is for trial. */
async function runAfter(hooks = after) {
  while (hooks.length > 0) await hooks.shift()();
}

module.exports = { snapshot, runBefore, runAfter, hasAfter: () => after.length > 0 };
