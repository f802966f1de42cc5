// Goes into a copy of a function in the handler's place: loads the handler's module as the runtime would have, notes how long
// each module took, and answers with that instead of calling it. Runs in the function's sandbox.
const Module = require("node:module");
const net = require("node:net");
const path = require("node:path");

const modules = [];
const stack = [];
const connections = [];
const named = process.env.THAW_ADVISE_HANDLER;
const root = process.env.LAMBDA_TASK_ROOT ?? __dirname;

const load = Module.prototype.load;
Module.prototype.load = function (file) {
  const entry = { file, by: stack.at(-1)?.file ?? null, self: 0, total: 0, inner: 0 };
  stack.push(entry);
  const began = performance.now();
  try {
    return load.call(this, file);
  } finally {
    stack.pop();
    entry.total = performance.now() - began;
    entry.self = entry.total - entry.inner;
    const outer = stack.at(-1);
    if (outer) outer.inner += entry.total;
    modules.push(entry);
  }
};

// An ES module's own statements run after its imports have: marks around them give its own time.
const began = new Map();
globalThis.__thawProbe = {
  begin: (file) => began.set(file, performance.now()),
  end(file) {
    const total = performance.now() - began.get(file);
    modules.push({ file, by: null, self: total, total });
    // required by CommonJS: it is part of what that took
    const outer = stack.at(-1);
    if (outer) outer.inner += total;
  },
};
Module.registerHooks?.({
  load(url, context, next) {
    const result = next(url, context);
    if (result.format !== "module" || !url.startsWith("file:")) return result;
    const name = JSON.stringify(require("node:url").fileURLToPath(url));
    const source = Buffer.from(result.source).toString();
    return { ...result, source: `__thawProbe.begin(${name});${source}\n;__thawProbe.end(${name});` };
  },
});

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  const to =
    typeof first === "object" ? `${first.host ?? first.path ?? "localhost"}:${first.port ?? ""}` : String(first);
  const at = new Error().stack.split("\n").find((line) => line.includes(root) && !line.includes("thaw_advise"));
  connections.push({ to, at: at?.trim() ?? "" });
  return connect.apply(this, args);
};

const dot = named.indexOf(".", named.lastIndexOf("/") + 1);
const stem = path.join(root, named.slice(0, dot));
const fs = require("node:fs");
const file = ["", ".js", ".mjs", ".cjs"]
  .map((end) => stem + end)
  .find((each) => fs.existsSync(each) && fs.statSync(each).isFile());
const start = performance.now();
let failure = null;
let whole;
const loading = (async () => {
  try {
    try {
      require(file);
    } catch (error) {
      if (error.code !== "ERR_REQUIRE_ASYNC_MODULE" && error.code !== "ERR_REQUIRE_ESM") throw error;
      await import(require("node:url").pathToFileURL(file).href);
    }
  } catch (error) {
    failure = String(error?.stack ?? error);
  }
  whole = performance.now() - start;
  net.Socket.prototype.connect = connect;
})();

exports.handler = async () => {
  await loading;
  const told = modules
    .filter((each) => each.total >= 0.02)
    .map(({ file, by, self, total }) => ({
      file: path.relative(root, file),
      by: by && path.relative(root, by),
      self,
      total,
    }));
  return { whole, failure, connections, modules: told };
};
