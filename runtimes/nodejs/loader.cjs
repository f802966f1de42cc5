"use strict";
/**
 * Finds the function: `_HANDLER` is `folder/module.export`, where export may be nested (`a.b.c`). Order of the files as
 * in Lambda's runtimes: no extension, .js, .mjs, .cjs, then Node's own resolution from the task root (which is how a
 * handler inside node_modules or a layer is found).
 */
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

function runtimeError(kind, message) {
  const { RuntimeError } = require("./errors.cjs");
  return new RuntimeError(kind, message);
}

/** @returns {{ folder: string, module: string, nested: string[] }} */
function parseHandler(handler) {
  if (handler.includes("..")) {
    throw runtimeError(
      "MalformedHandlerName",
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(handler);
  const dot = base.indexOf(".");
  if (dot < 0) throw runtimeError("MalformedHandlerName", "Bad handler");
  return {
    folder: handler.slice(0, handler.lastIndexOf(base)),
    module: base.slice(0, dot),
    nested: base.slice(dot + 1).split("."),
  };
}

/** The nearest package.json decides whether .js files are ES modules, as in Node; one that cannot be parsed says no. */
function isModuleFolder(folder) {
  for (let at = folder; !at.endsWith("/node_modules"); at = path.dirname(at)) {
    const file = path.join(at, "package.json");
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, "utf8"))?.type === "module";
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
        return false;
      }
    }
    if (at === path.dirname(at)) return false;
  }
  return false;
}

/** require() is several milliseconds faster than import() in a fresh process, so it is tried first where it may work. */
async function load(file) {
  const isModule = file.endsWith(".mjs") || (file.endsWith(".js") && isModuleFolder(path.dirname(file)));
  if (!isModule) {
    try {
      return require(file);
    } catch (error) {
      // ES syntax where Node allows it without being told (18 and 20 never do), or with a top-level await.
      if (error?.code !== "ERR_REQUIRE_ESM" && error?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    }
  }
  return import(pathToFileURL(file).href);
}

async function loadModule(root, folder, module) {
  const stem = path.resolve(root, folder, module);
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    const file = stem + extension;
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return load(file);
  }
  return require(require.resolve(module, { paths: [root, path.join(root, folder)] }));
}

function find(from, nested) {
  return nested.reduce((value, key) => value?.[key], from);
}

/**
 * Loads the handler. Rejects with `Runtime.ImportModuleError`, `HandlerNotFound`, `MalformedHandlerName`,
 * `UserCodeSyntaxError`, or whatever the function's own code throws while it is loaded.
 * @param {boolean} lookInDefault accept members of the default export too: Node.js 24 and later
 * @returns {Promise<Function>}
 */
async function loadHandler(root, handler, lookInDefault) {
  const { folder, module, nested } = parseHandler(handler);
  let loaded;
  try {
    loaded = await loadModule(root, folder, module);
  } catch (error) {
    if (error instanceof SyntaxError) {
      const wrapped = runtimeError("UserCodeSyntaxError", String(error));
      wrapped.stack = error.stack;
      throw wrapped;
    }
    if (error?.code === "MODULE_NOT_FOUND") throw runtimeError("ImportModuleError", String(error));
    throw error;
  }
  const found = find(loaded, nested) || (lookInDefault && find(loaded?.default, nested));
  if (!found) throw runtimeError("HandlerNotFound", `${handler} is undefined or not exported`);
  if (typeof found !== "function") throw runtimeError("HandlerNotFound", `${handler} is not a function`);
  return found;
}

/**
 * Has V8 take what it compiled of the function's modules from where the platform has prepared it, if it has: the folder
 * that `_THAW_COMPILE_CACHE` names, which the function cannot write. Node.js 22.1 and later; others compile.
 */
function enableCompileCache(env) {
  const folder = env._THAW_COMPILE_CACHE;
  if (folder === undefined) return;
  delete env._THAW_COMPILE_CACHE;
  require("node:module").enableCompileCache?.(folder);
}

module.exports = { loadHandler, enableCompileCache };
