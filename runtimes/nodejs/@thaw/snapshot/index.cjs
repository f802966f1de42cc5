"use strict";
/**
 * Found by `require` through NODE_PATH, which names the runtime's folder, and by `import` through the sandbox's
 * /node_modules, or through `module-hooks.cjs` where there is no sandbox. Assigned one by one: so ES modules see the names.
 */
const { snapshot } = require("../../hooks.cjs");
exports.beforeSnapshot = snapshot.beforeSnapshot;
exports.afterRestore = snapshot.afterRestore;
