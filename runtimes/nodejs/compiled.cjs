"use strict";
/**
 * Hands over what V8 compiled while the function was loaded ("COMPILED", agent/PROTOCOL.md), for later starts of this
 * version to take. Only in a process that is made for this alone, and never serves.
 */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const nodeModule = require("node:module");
const { type, MAX_PAYLOAD_BYTES } = require("./link.cjs");

/** Begins to keep it; the function which this returns sends it. */
function keepCompiled() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), ".compiled-"));
  nodeModule.enableCompileCache?.(folder);
  return (link) => {
    // Node.js 22.10 and later. A function that asked for a folder of its own before us has it, and ours stays empty.
    nodeModule.flushCompileCache?.();
    for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath ?? entry.path, entry.name);
      const name = Buffer.from(path.relative(folder, file));
      const length = Buffer.alloc(2);
      length.writeUInt16LE(name.length);
      const payload = Buffer.concat([length, name, fs.readFileSync(file)]);
      // Of one that is larger a start compiles again what it needs.
      if (payload.length <= MAX_PAYLOAD_BYTES) link.send(type.COMPILED, 0, 0, payload);
    }
    // Whose end comes by a signal cannot clean up, and where there is no sandbox this is everybody's folder.
    fs.rmSync(folder, { recursive: true, force: true });
  };
}

module.exports = { keepCompiled };
