"use strict";
/** Found through NODE_PATH, which names the runtime's folder. ES modules, which do not look there, use `awslambda.snapshot`. */
module.exports = require("../../hooks.cjs").snapshot;
