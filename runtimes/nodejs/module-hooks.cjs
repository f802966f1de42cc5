"use strict";
/**
 * Has `import "@thaw/snapshot"` find the runtime's module where no sandbox offers it: in a plain process of the operator's.
 * In a sandbox a link in its /node_modules does, for hooks cost up to a millisecond of every start.
 */
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

/** Before Node.js 22.15 hooks take a thread of their own, which a process that is to be copied must not have: there it offers nothing. */
function offerModules() {
  const url = pathToFileURL(path.join(__dirname, "@thaw", "snapshot", "index.cjs")).href;
  Module.registerHooks?.({
    resolve: (specifier, context, next) =>
      specifier === "@thaw/snapshot" ? { url, format: "commonjs", shortCircuit: true } : next(specifier, context),
  });
}

module.exports = { offerModules };
