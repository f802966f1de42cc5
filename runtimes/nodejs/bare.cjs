"use strict";
/**
 * A process that is copied before it has a function ("bare", agent/PROTOCOL.md): all that can be done without one is done
 * once, so that a copy has only the function's own code to load.
 */
const path = require("node:path");
const { loadHandler } = require("./loader.cjs");

/** Modules of Node.js that the AWS SDK and most functions load, and what they load in turn. */
const MODULES = [
  "node:http",
  "node:https",
  "node:http2",
  "node:stream",
  "node:stream/promises",
  "node:zlib",
  "node:crypto",
  "node:fs/promises",
  "node:os",
  "node:child_process",
  "node:async_hooks",
  "node:timers/promises",
  "node:dns",
  "node:querystring",
  "node:string_decoder",
  "node:readline",
];

/**
 * Loads them. Nothing of them runs yet: no thread, no descriptor, no random number is made. Node.js looks at stderr once, to
 * see whether it takes colours, and would open it for that: it sees another that does not, as a function's never does.
 */
function preload() {
  const stderr = Object.getOwnPropertyDescriptor(process, "stderr");
  Object.defineProperty(process, "stderr", { ...stderr, get: () => ({ isTTY: false }) });
  for (const name of MODULES) require(name);
  // fetch and its classes are loaded when one of them is first looked at.
  void globalThis.Response;
  Object.defineProperty(process, "stderr", stderr);
}

/**
 * Loads a module of each kind the way the function's will be loaded, and forgets it. The ES module comes without a file:
 * files are read by the thread pool, whose size is for the function's variables to say.
 */
async function rehearseLoad(modern) {
  await loadHandler(__dirname, "rehearsal.handler", modern);
  delete require.cache[path.join(__dirname, "rehearsal.cjs")];
  await import("data:text/javascript,export const handler = 1;");
}

module.exports = { preload, rehearseLoad };
