"use strict";
/**
 * Has the function's modules compiled whole when they are loaded, in a process that is to be copied: V8 else compiles a
 * function when it is first called, and every copy would do so again. The first call of an AWS SDK client, for one, spends
 * most of its time there. Nothing of the function runs that would not run anyway.
 */
const Module = require("node:module");
const v8 = require("node:v8");

/** bytes of memory that a byte of source takes when compiled, at most (measured: 36 to 39, Node.js 18 to 26) */
const BYTES_A_BYTE = 40;
/** part of the function's memory that compiled code may take */
const PART = 1 / 4;

/**
 * Starts it. Modules of the CommonJS kind only: the others have no such place to look.
 * @param {number} memoryMb what the function may use
 * @returns {() => void} ends it
 */
function compileEagerly(memoryMb) {
  let left = memoryMb * 1024 * 1024 * PART;
  let whole = false;
  const set = (wanted) => {
    if (wanted !== whole) v8.setFlagsFromString(wanted ? "--no-lazy" : "--lazy");
    whole = wanted;
  };
  const { _compile } = Module.prototype;
  function compile(content, ...rest) {
    const before = whole;
    const size = content.length * BYTES_A_BYTE;
    set(size < left);
    if (whole) left -= size;
    try {
      return Reflect.apply(_compile, this, [content, ...rest]);
    } finally {
      set(before);
    }
  }
  Module.prototype._compile = compile;
  return () => {
    left = 0;
    set(false);
    // Packages that compile other languages put their own before it.
    if (Module.prototype._compile === compile) Module.prototype._compile = _compile;
  };
}

module.exports = { compileEagerly };
