"use strict";
/** What a template without a function loads in its stead (bare.cjs). */
exports.handler = async () => {};
