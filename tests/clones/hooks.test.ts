import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Clones, noImages, startClones } from "./platform.ts";

const skip = await noImages();

const hooks = `
  const seen = [];
  beforeSnapshot((name) => { seen.push(name) }, "before");
  afterRestore(async () => { seen.push("after") });`;

/** The ways in which a Node.js function comes by the hooks: itself, or through a package that it brings. */
const ways: Readonly<Record<string, { readonly file: string; readonly text: string }[]>> = {
  require: [
    {
      file: "index.js",
      text: `const { beforeSnapshot, afterRestore } = require("@thaw/snapshot"); ${hooks} exports.handler = async () => seen;`,
    },
  ],
  import: [
    {
      file: "index.mjs",
      text: `import { beforeSnapshot, afterRestore } from "@thaw/snapshot"; ${hooks} export const handler = async () => seen;`,
    },
  ],
  "import, in a package": [
    { file: "index.mjs", text: `import { seen } from "outer"; export const handler = async () => seen;` },
    { file: "node_modules/outer/package.json", text: '{"name":"outer","type":"module","main":"index.js"}' },
    {
      file: "node_modules/outer/index.js",
      text: `import { beforeSnapshot, afterRestore } from "@thaw/snapshot"; ${hooks} export { seen };`,
    },
  ],
};

describe("@thaw/snapshot is there for every Node.js runtime", { skip }, () => {
  let platform: Clones;
  let runtimes: string[];
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    const ready = body.runtimes.filter(({ state }: { state: string }) => state === "ready");
    runtimes = ready.map(({ name }: { name: string }) => name).filter((name: string) => name.startsWith("nodejs"));
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const [way, sources] of Object.entries(ways)) {
    test(`hooks that it gets by ${way} run around the copy`, async () => {
      assert.notEqual(runtimes.length, 0);
      for (const runtime of runtimes) {
        const name = `hooks-${runtime.replace(".", "-")}`;
        const files = sources.map(({ file, text }) => ({ name: file, data: Buffer.from(text) }));
        await platform.deploy(name, files, { runtime, handler: "index.handler" });
        assert.deepEqual((await platform.clone(name)).body, ["before", "after"], runtime);
        await platform.client.delete(name);
      }
    });
  }
});
