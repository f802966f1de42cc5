import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Settings } from "../security/client.ts";
import type { Entry } from "../security/zip.ts";
import { type Clones, noImages, startClones } from "./platform.ts";

const skip = await noImages();
const fixtures = join(import.meta.dirname, "..", "fixtures", "clones", "inits");

/** What a function does at init, and what must come of it: a copy that works, or a reason why there is none. */
const inits: readonly { readonly file: string; readonly does: string; readonly refused?: RegExp }[] = [
  { file: "random_bytes.js", does: "draws random bytes" },
  { file: "connection.js", does: "opens a connection" },
  { file: "child.js", does: "starts a child process", refused: /process/ },
  { file: "timer.js", does: "starts a timer of its runtime" },
  { file: "listener.js", does: "listens on a port", refused: /listen/ },
  { file: "worker.js", does: "starts a worker thread" },
  { file: "open_file.js", does: "keeps a file open" },
  { file: "temporary_file.js", does: "writes to /tmp" },
  { file: "anonymous_pipe.py", does: "fills a pipe, and leaves a thread waiting" },
  { file: "shared_memory.py", does: "maps shared memory", refused: /shared/ },
  { file: "memory_file.py", does: "makes a file in memory", refused: /memory|memfd/ },
  { file: "armed_timer.py", does: "arms a timer of the kernel", refused: /timer|alarm|signal/ },
];

describe("a function is copied rightly or not at all, and one can see why", { skip }, () => {
  let platform: Clones;
  let python: string;
  before(async () => {
    platform = await startClones();
    python = await platform.client.python();
  });
  after(() => platform[Symbol.asyncDispose]());

  const codeOf = (file: string): { files: Entry[]; settings: Settings } => {
    const module = file.replace(/\.\w+$/, "");
    const data = (name: string) => readFileSync(join(fixtures, name));
    const isPython = file.endsWith(".py");
    return {
      files: [
        { name: file, data: data(file) },
        { name: "package.json", data: data("package.json") },
      ],
      settings: { runtime: isPython ? python : "nodejs24.x", handler: `${module}.handler` },
    };
  };

  for (const { file, does, refused } of inits) {
    const outcome = refused ? "is refused with a reason, and runs in every start" : "works in every copy";
    test(`an init that ${does} ${outcome}`, async () => {
      const { files, settings } = codeOf(file);
      const name = file.replace(/\W/g, "-");
      const why = await platform.tryDeploy(name, files, settings);
      if (refused) assert.match(why ?? "an image was made", refused);
      else assert.equal(why, undefined);
      for (let n = 0; n < 3; n++) {
        if (refused) await platform.cool(name);
        const called = refused ? await platform.call(name) : await platform.clone(name);
        assert.deepEqual(
          [called.body.ok, called.start === "restore"],
          [true, !refused],
          `${called.start} ${called.text}`,
        );
      }
      await platform.client.delete(name);
    });
  }

  test("random bytes drawn at init are no copy's by default: only who asks for it gets one", async () => {
    const { files, settings } = codeOf("random_bytes.js");
    const unasked = { ...settings, environment: { THAW_SNAPSHOT: "" } };
    assert.match((await platform.tryDeploy("drew", files, unasked)) ?? "an image was made", /random/);
    const identities = [];
    for (let n = 0; n < 3; n++) {
      await platform.cool("drew");
      identities.push((await platform.call("drew")).body.identity);
    }
    assert.equal(new Set(identities).size, 3);
    await platform.client.delete("drew");
  });

  test("a connection that is open after init keeps a function from being copied unasked", async () => {
    const { files, settings } = codeOf("connection.js");
    const unasked = { ...settings, environment: { THAW_SNAPSHOT: "" } };
    assert.match((await platform.tryDeploy("connected", files, unasked)) ?? "an image was made", /connection/);
    await platform.client.delete("connected");
  });
});
