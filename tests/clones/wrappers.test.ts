import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readText } from "../../bench/subject/proc.ts";
import { type Language, languages, newest } from "./languages.ts";
import { type Clones, noImages, startClones } from "./platform.ts";

const skip = await noImages();

/** As AWS documents wrapper scripts: changes the environment and the arguments, and becomes the runtime. */
const becoming = '#!/bin/sh\nexport FROM_WRAPPER=yes JAVA_TOOL_OPTIONS=-Dmine=wrapped\nexec "$@"\n';
/** Stays, and waits for the runtime that it has started. */
const staying = '#!/bin/sh\n"$@"\nexit $?\n';

describe("AWS_LAMBDA_EXEC_WRAPPER and copies", { skip }, () => {
  let platform: Clones;
  let found: readonly Language[];
  before(async () => {
    platform = await startClones();
    const { body } = await platform.client.send("GET", "/_thaw/info");
    ({ found } = await languages(body.runtimes));
  });
  after(() => platform[Symbol.asyncDispose]());

  const wrapped = async (language: Language, script: string) => {
    const runtime = newest(language);
    const { files, settings } = await language.code("unique", runtime);
    return {
      files: [...files, { name: "wrapper", data: Buffer.from(script), mode: 0o100755 }],
      settings: {
        ...settings,
        environment: { ...settings.environment, AWS_LAMBDA_EXEC_WRAPPER: "/var/task/wrapper", THAW_SNAPSHOT: "on" },
      },
    };
  };

  for (const name of ["node", "python", "java"] as const) {
    test(`${name}: a wrapper that becomes the runtime is in every copy`, async (t) => {
      const language = found.find((one) => one.name === name);
      if (!language?.runtimes.length) return t.skip(`no runtime for ${name} here`);
      const fn = `wrapped-${name}`;
      const { files, settings } = await wrapped(language, becoming);
      await platform.deploy(fn, files, settings);
      for (let n = 0; n < 2; n++) {
        const { body, text } = await platform.clone(fn);
        assert.equal(body?.tmp.mine, true, text);
        const variables = (await platform.sandboxes(fn)).flatMap(({ members }) =>
          members.map((pid) => readText(`/proc/${pid}/environ`).split("\0")),
        );
        assert.equal(variables.filter((all) => all.includes("FROM_WRAPPER=yes")).length, 1);
      }
      await platform.client.delete(fn);
    });
  }

  test("a wrapper that stays is a second process: its function starts plainly, and one can see why", async (t) => {
    const language = found.find((one) => one.name === "node");
    if (!language?.runtimes.length) return t.skip("no runtime for node here");
    const { files, settings } = await wrapped(language, staying);
    assert.match((await platform.tryDeploy("stays", files, settings)) ?? "an image was made", /process/);
    await platform.cool("stays");
    const { start, body, text } = await platform.call("stays");
    assert.deepEqual([start, body?.tmp.mine], ["plain", true], text);
    await platform.client.delete("stays");
  });
});
