import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { awaitBooted } from "../../bench/subject/images.ts";
import { type Language, languages, newest } from "./languages.ts";
import { type Clones, noImages, startClones } from "./platform.ts";

const skip = await noImages();
/** not asked for by the function: the platform's default decides */
const unasked = { environment: { THAW_SNAPSHOT: "", MINE: "yes" } };

describe("a JVM says what its init drew, so that the default can decide", { skip }, () => {
  let platform: Clones;
  let java: Language | undefined;
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    // what AWS publishes for it is fetched with the first function
    const ready = ({ name, state }: { name: string; state: string }) => ({
      name,
      state: state === "fetchable" && name.startsWith("java") ? "ready" : state,
    });
    java = (await languages(body.runtimes.map(ready))).found.find(({ name }) => name === "java");
    if (!java || !newest(java).startsWith("java")) java = undefined;
  });
  after(() => platform[Symbol.asyncDispose]());

  test("a function whose init draws nothing is copied unasked", async (t) => {
    if (!java) return t.skip("no managed Java here");
    const { files, settings } = await java.code("hello", newest(java));
    assert.equal(await platform.tryDeploy("hello", files, { ...settings, ...unasked }), undefined);
    const { body, text } = await platform.clone("hello");
    assert.deepEqual([body.ok, body.variable, body.loader], [true, "yes", true], text);
    await platform.client.delete("hello");
  });

  test("code that nobody has seen is taken by a JVM that has booted before, and finds itself as in any other", async (t) => {
    if (!java) return t.skip("no managed Java here");
    const { files, settings } = await java.code("hello", newest(java));
    const send = async (method: string, path: string) => (await platform.client.send(method, path)).body;
    const first = async (name: string, environment: Record<string, string>) => {
      await platform.client.deploy(name, files, { ...settings, timeout: 60, environment });
      return platform.first(name);
    };
    const own = { MINE: "yes", TZ: "Asia/Kathmandu", AWS_LAMBDA_JAVA_NETWORKADDRESS_CACHE_NEGATIVE_TTL: "7" };
    await first("booting", { MINE: "no" });
    assert.equal(await awaitBooted({ call: send }, "booting"), undefined);
    const plain = await first("plainly", { ...own, JAVA_TOOL_OPTIONS: "-Dnothing=1" });
    const pooled = await first("pooled", own);
    assert.deepEqual([plain.start, pooled.start], ["plain", "pool"], pooled.text);
    assert.deepEqual([pooled.body.function, pooled.body.variable, pooled.body.zone], ["pooled", "yes", own.TZ]);
    assert.deepEqual(pooled.body, { ...plain.body, function: "pooled" });
    const missing = { ...settings, handler: "Nowhere", timeout: 60, environment: own };
    await platform.client.deploy("missing", files, missing);
    const failed = await platform.first("missing");
    assert.deepEqual([failed.functionError, failed.body.errorType], ["Unhandled", "java.lang.ClassNotFoundException"]);
    for (const name of ["booting", "plainly", "pooled", "missing"]) await platform.client.delete(name);
  });

  test("one that keeps a random identifier is not, and one can see why; asked for, it is", async (t) => {
    if (!java) return t.skip("no managed Java here");
    const { files, settings } = await java.code("identity", newest(java));
    assert.match(
      (await platform.tryDeploy("identity", files, { ...settings, ...unasked })) ?? "an image was made",
      /drew random numbers/,
    );
    const identities = new Set<string>();
    for (let n = 0; n < 2; n++) {
      await platform.cool("identity");
      identities.add((await platform.call("identity")).body.identity);
    }
    assert.equal(identities.size, 2);
    await platform.client.delete("identity");
    await platform.deploy("asked", files, settings);
    const first = await platform.clone("asked");
    assert.deepEqual((await platform.clone("asked")).body, first.body);
    await platform.client.delete("asked");
  });
});
