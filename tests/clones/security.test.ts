import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { weaknesses } from "../../bench/subject/index.ts";
import { type Language, languages, newest } from "./languages.ts";
import { type Clones, noImages, startClones } from "./platform.ts";
import { modesBelow, namespacesOf, propertiesOf } from "./properties.ts";
import { full, scaled } from "./scale.ts";

const skip = await noImages();

describe("a restored process is locked in as one that was started", { skip }, () => {
  let platform: Clones;
  let found: readonly Language[];
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    ({ found } = await languages(body.runtimes));
  });
  after(() => platform[Symbol.asyncDispose]());

  /** The runtimes' processes of a function's sandboxes. */
  const processesOf = async (name: string): Promise<number[]> =>
    (await platform.sandboxes(name)).map(({ members }) => {
      assert.equal(members.length, 2, "the agent and the runtime");
      return members[1]!;
    });

  for (const name of ["node", "python", "java"] as const) {
    test(`${name}: user, capabilities, filter, limits, mounts, control groups and descriptors are equal`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      for (const runtime of full ? language.runtimes : [newest(language)]) {
        const { files, settings } = await language.code("stress", runtime);
        const fn = `locked-${runtime.replaceAll(".", "-")}`;
        await platform.deploy(fn, files, settings);
        await platform.clones(fn, 2, 2, { first: true, holdMs: 500 });
        const pids = await processesOf(fn);
        assert.equal(pids.length, 2);
        const copies = pids.map(propertiesOf);
        const [one, other] = pids.map(namespacesOf);
        const machine = namespacesOf(process.pid);
        assert.deepEqual(
          one!.filter((namespace) => other!.includes(namespace)),
          one!.filter((namespace) => machine.includes(namespace)),
          "two sandboxes share a namespace that is not the machine's",
        );
        const off = { ...settings.environment, THAW_SNAPSHOT: "off" };
        const path = `/2015-03-31/functions/${fn}/configuration`;
        const changed = await platform.client.send("PUT", path, { Environment: { Variables: off } });
        assert.equal(changed.status, 200, changed.text);
        await platform.cool(fn);
        const plain = await platform.call(fn, { first: true, holdMs: 500 });
        assert.equal(plain.start, "plain");
        const [started] = (await processesOf(fn)).map(propertiesOf);
        for (const properties of copies) {
          const { descriptors, ...rest } = properties;
          const { descriptors: plainOnes, ...expected } = started!;
          assert.deepEqual(rest, expected, runtime);
          if (name !== "java") assert.deepEqual(descriptors, plainOnes, runtime);
          // a JVM that is to be copied looks into more archives of its code, draws new seeds by way of two files that it
          // keeps open, and has told the agent that it can be copied
          const known = new Set(Object.values(plainOnes));
          const more = Object.values(descriptors).filter((target) => !known.has(target));
          for (const target of more) assert.match(target, /^(socket:|\/dev\/u?random|\/var\/(task|runtime)\/.*\.jar)$/);
        }
        if (settings.runtime !== "provided.al2023") {
          // The first call of a function that nobody has seen: its runtime was booted without it.
          await platform.client.deploy(`${fn}-new`, files, { timeout: 60, memory: 512, ...settings });
          let first = await platform.call(`${fn}-new`, { first: true, holdMs: 500 });
          // not active yet
          while (first.status === 409) first = await platform.call(`${fn}-new`, { first: true, holdMs: 500 });
          assert.equal(first.start, "pool");
          const [booted] = (await processesOf(`${fn}-new`)).map(propertiesOf);
          if (name === "java")
            assert.deepEqual({ ...booted, descriptors: {} }, { ...started, descriptors: {} }, runtime);
          else assert.deepEqual(booted, started, runtime);
          await platform.client.delete(`${fn}-new`);
        }
        await platform.client.delete(fn);
      }
    });
  }

  test("every wall stands as the function itself sees it", async () => {
    const source = readFileSync(join(import.meta.dirname, "../../bench/fixtures/node/inspect.cjs"));
    const index = 'const inspect = require("./inspect.cjs"); exports.handler = async () => inspect();';
    const files = [
      { name: "index.js", data: index },
      { name: "inspect.cjs", data: source },
    ];
    await platform.deploy("inspected", files, {});
    const copies = await platform.clones("inspected", scaled(5, 200), 4);
    for (const { body } of copies) assert.deepEqual(weaknesses(body), []);
    await platform.client.delete("inspected");
  });

  test("an image is root's alone, and no function can open, read, change or list it, or see where it lies", async () => {
    const language = found.find((one) => one.name === "node")!;
    const { files, settings } = await language.code("burglar", newest(language));
    await platform.deploy("burglar", files, settings);
    const top = join(platform.server.dataDir, "images");
    const rows = modesBelow(top);
    assert.ok(rows.some(({ file }) => file));
    for (const { path, mode, uid, file } of [
      ...rows,
      ...modesBelow(platform.server.dataDir).filter((r) => r.path === top),
    ]) {
      assert.deepEqual([mode, uid], [file ? 0o600 : 0o700, 0], path);
    }
    const images = rows.filter(({ file }) => file).map(({ path }) => path);
    const before = images.map(digest);
    const { body, functionError, text } = await platform.clone("burglar", { images, top: platform.server.dataDir });
    assert.equal(functionError, undefined, text);
    assert.ok(Object.keys(body.tried).length >= 7);
    for (const [what, how] of Object.entries(body.tried)) {
      assert.match(String(how), /^(ENOENT|EACCES|EPERM|ENOTDIR|EXDEV|EROFS)$/, what);
    }
    assert.deepEqual([body.shared, body.telling, body.descriptors], [[], [], {}]);
    assert.deepEqual(images.map(digest), before);
    await platform.client.delete("burglar");
  });
});

/** Of an image without its end, where the launcher notes once what copies write to (`WORKING_SET_BYTES`, agent/src/image/format.rs). */
function digest(path: string): string {
  const bytes = readFileSync(path);
  const told = path.endsWith(".image") ? bytes.subarray(0, -(32 << 10)) : bytes;
  return createHash("sha256").update(told).digest("hex");
}
