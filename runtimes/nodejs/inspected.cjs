"use strict";
/**
 * Waiting for the next event in a process that a debugger may attach to: one of Node.js' own threads waits for its first byte, while
 * the event loop, which answers the debugger, goes on. Otherwise the link is read with blocking calls, which is quicker.
 */
const { read, readSync, writeSync, writevSync } = require("node:fs");

/** @param {number} fd of the link */
function createPatience(fd) {
  /** the byte that was read ahead @type {number | undefined} */
  let first;
  return {
    /** what reads and writes the link */
    calls: {
      writeSync,
      writevSync,
      readSync(from, into, at, length, position) {
        if (first === undefined) return readSync(from, into, at, length, position);
        into[at] = first;
        first = undefined;
        return 1;
      },
    },
    /** Calls `then` when a frame has begun to come, or the link has ended. @param {() => void} then */
    whenThere(then) {
      const byte = Buffer.alloc(1);
      read(fd, byte, 0, 1, null, (error, count) => {
        if (error?.code === "EINTR") return this.whenThere(then);
        if (count === 1) first = byte[0];
        then();
      });
    },
  };
}

module.exports = { createPatience };
