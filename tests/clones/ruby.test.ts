import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { awaitBooted } from "../../bench/subject/images.ts";
import type { Code, Settings } from "../security/client.ts";
import { type Clones, noImages, startClones } from "./platform.ts";

const skip = await noImages();

/** Whose init runs `init`. */
function ruby(init: string): Code {
  const handler = "def handler(event:, context:)\n  { identity: IDENTITY, name: context.function_name }\nend\n";
  return [{ name: "function.rb", data: Buffer.from(`require "securerandom"\n${init}\n${handler}`) }];
}

describe("Ruby is copied by default, unless its init drew what copies would share", { skip }, () => {
  let platform: Clones;
  let settings: Settings | undefined;
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    const ready = (each: { name: string; state: string }) => each.name.startsWith("ruby") && each.state === "ready";
    const runtime: string | undefined = body.runtimes.find(ready)?.name;
    if (runtime) settings = { runtime, handler: "function.handler", environment: { THAW_SNAPSHOT: "" } };
  });
  after(() => platform[Symbol.asyncDispose]());

  test("an init that draws nothing is copied, and new code is taken by a Ruby that has booted before", async (t) => {
    if (!settings) return t.skip("no Ruby here");
    assert.equal(await platform.tryDeploy("still", ruby("IDENTITY = 1"), settings), undefined);
    assert.equal((await platform.clone("still")).body.name, "still");
    const call = async (method: string, path: string) => (await platform.client.send(method, path)).body;
    assert.equal(await awaitBooted({ call }, "still"), undefined);
    await platform.client.deploy("unseen", ruby("IDENTITY = 2"), { ...settings, environment: {} });
    const { start, body, text } = await platform.first("unseen");
    assert.deepEqual([start, body], ["pool", { identity: 2, name: "unseen" }], text);
    for (const name of ["still", "unseen"]) await platform.client.delete(name);
  });

  for (const drawn of ["SecureRandom.uuid", "Random.new.rand", "Random.urandom(8).unpack1('H*')"]) {
    test(`${drawn} is no copy's, and one can see why`, async (t) => {
      if (!settings) return t.skip("no Ruby here");
      const why = await platform.tryDeploy("drew", ruby(`IDENTITY = ${drawn}`), settings);
      assert.match(why ?? "an image was made", /drew random numbers/);
      await platform.client.delete("drew");
    });
  }
});
