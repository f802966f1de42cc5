import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Language, languages, newest } from "./languages.ts";
import { type Called, type Clones, noImages, startClones } from "./platform.ts";
import { full, scaled } from "./scale.ts";

const skip = await noImages();
/** what a copy may be off the machine's clock, ms */
const tolerance = 50;

describe("no two copies of a process are the same", { skip }, () => {
  let platform: Clones;
  let found: readonly Language[];
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    ({ found } = await languages(body.runtimes));
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const name of ["node", "python", "java"] as const) {
    test(`${name}: every random number, key and temporary name is another one, clocks are right, /tmp is its own`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      for (const runtime of full ? language.runtimes : [newest(language)]) {
        await t.test(runtime, async () => {
          const { files, settings } = await language.code("unique", runtime);
          const fn = `unique-${runtime.replaceAll(".", "-")}`;
          await platform.deploy(fn, files, settings);
          const answers = await platform.clones(fn, scaled(50, 1000), 8, { holdMs: 20 });
          for (const answer of answers) check(answer);
          distinct(answers.map(({ body }) => body.drawn));
          // and a copy does not repeat what its init drew
          distinct([...answers.slice(0, 1).map(({ body }) => body.atInit), ...answers.map(({ body }) => body.drawn)]);
          await platform.client.delete(fn);
        });
      }
    });

    if (name === "java") continue;
    test(`${name}: a connection of init is cut in every copy, and a new one can be made`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      const { files, settings } = await language.code("unique", newest(language));
      const fn = `connected-${name}`;
      await platform.deploy(fn, files, settings);
      for (const { body, text } of await platform.clones(fn, scaled(5, 100), 4, { connections: true, holdMs: 20 })) {
        assert.deepEqual(body.connections, { cut: true, again: 200 }, text);
      }
      await platform.client.delete(fn);
    });
  }
});

function check({ body, text, functionError, sent, received }: Called): void {
  assert.equal(functionError, undefined, text);
  for (const clock of ["now", "monotonic"]) {
    const at = body[clock];
    assert.ok(at > sent - tolerance && at < received + tolerance, `${clock} ${at} is not within ${sent} … ${received}`);
  }
  assert.deepEqual([body.tmp.before, body.tmp.mine], [[], true]);
}

/** Every name's values differ from each other. */
function distinct(rows: readonly Readonly<Record<string, unknown>>[]): void {
  for (const name of Object.keys(rows[0]!)) {
    const values = new Set(rows.map((row) => row[name]));
    assert.ok(!values.has(undefined), `${name} is missing somewhere`);
    assert.equal(values.size, rows.length, `${name} came out the same in several of ${rows.length} copies`);
  }
}
