import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Platform, startPlatform } from "./platform.ts";
import { link, zipOf } from "./zip.ts";

const handler = { name: "index.js", data: "exports.handler = async () => 1;" };
const megabyte = 1024 * 1024;

/** As CreateFunction and UpdateFunctionCode answer them: `InvalidParameterValueException`, and nothing stored. */
const refused: Readonly<Record<string, () => { zip: Buffer; message?: RegExp }>> = {
  "bytes that are no archive": () => ({ zip: Buffer.from("not a zip") }),
  "an archive cut short": () => ({ zip: zipOf([handler]).subarray(0, -40) }),
  "an archive with a flipped bit": () => {
    const zip = zipOf([{ name: "index.js", data: "exports.handler = async () => 'a'.repeat(100);" }]);
    zip[45]! ^= 0x10;
    return { zip };
  },
  "an empty body": () => ({ zip: Buffer.alloc(0), message: /./ }),
  "a name that climbs out": () => ({ zip: zipOf([handler, { name: "../../escaped.js", data: "x" }]) }),
  "a name from the root": () => ({ zip: zipOf([handler, { name: "/tmp/escaped.js", data: "x" }]) }),
  "a name that climbs out behind a directory": () => ({ zip: zipOf([{ name: "a/../../escaped", data: "x" }]) }),
  "a link that leaves the tree": () => ({ zip: zipOf([handler, link("out", "../../../../etc")]) }),
  "a link to the root": () => ({ zip: zipOf([handler, link("out", "/etc/passwd")]) }),
  "a file written through a link": () => ({
    zip: zipOf([handler, link("out", ".."), { name: "out/escaped.js", data: "x" }]),
  }),
  "a bomb that says so": () => ({
    zip: zipOf([handler, { name: "zeros", data: Buffer.alloc(251 * megabyte) }]),
    message: /^Unzipped size must be smaller than 262144000 bytes$/,
  }),
  "a bomb that lies about its size": () => ({
    zip: zipOf([handler, { name: "zeros", data: Buffer.alloc(251 * megabyte), size: 10 }]),
    message: /./,
  }),
  "a bomb of many files": () => {
    const data = Buffer.alloc(60 * megabyte);
    return {
      zip: zipOf(Array.from({ length: 5 }, (_, n) => ({ name: `zeros${n}`, data }))),
      message: /^Unzipped size/,
    };
  },
};

describe("archives that cannot be a function's code", () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
    await platform.client.deploy("kept", "exports.handler = async () => 'kept';");
  });
  after(() => platform[Symbol.asyncDispose]());

  for (const [name, make] of Object.entries(refused)) {
    test(`${name} is refused, by CreateFunction and UpdateFunctionCode, and nothing is stored`, async () => {
      const { client, server } = platform;
      const { zip, message = /^Could not unzip uploaded file\. Please check your file, then try to upload again\.$/ } =
        make();
      const stored = () => ["blobs", "unpacked", "unfinished"].map((dir) => readdirSync(join(server.dataDir, dir)));
      const before = stored();
      const [created, updated] = await platform.undisturbed(() =>
        Promise.all([client.create("refused", zip), client.update("kept", zip)]),
      );
      for (const answer of [created, updated]) {
        assert.deepEqual([answer.status, answer.code], [400, "InvalidParameterValueException"], answer.text);
        assert.match(answer.body.message, message);
      }
      assert.deepEqual(stored(), before);
      assert.deepEqual(await client.functions(), ["bystander", "kept"]);
      assert.equal((await client.invoke("kept")).text, '"kept"');
      assert.ok(!readdirSync(tmpdir()).some((name) => name.startsWith("escaped")));
    });
  }

  test("links inside the tree work, and file modes are kept", async () => {
    const { client } = platform;
    const code = `const fs = require("fs");
      exports.handler = async () => [fs.readFileSync("again.txt", "utf8"), fs.statSync("run.sh").mode & 0o777];`;
    const files = [
      { name: "index.js", data: code },
      { name: "deep/once.txt", data: "text" },
      link("again.txt", "deep/once.txt"),
      { name: "run.sh", data: "", mode: 0o100755 },
    ];
    await client.deploy("links", zipOf(files));
    assert.deepEqual((await client.invoke("links")).body, ["text", 0o755]);
  });

  test("set-user-ID bits and devices of an archive mean nothing", async () => {
    const { client } = platform;
    const code = `exports.handler = async () => require("fs").statSync("tool").mode.toString(8);`;
    await client.deploy(
      "setuid",
      zipOf([
        { name: "index.js", data: code },
        { name: "tool", mode: 0o104755 },
      ]),
    );
    assert.equal((await client.invoke("setuid")).body, "100755");
    const device = await client.create("device", zipOf([handler, { name: "disk", mode: 0o060666 }]));
    if (device.status === 201) assert.equal((await client.invoke("device")).text, "1");
    else assert.equal(device.code, "InvalidParameterValueException");
  });
});

describe("requests that cannot be served", () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(() => platform[Symbol.asyncDispose]());

  test("a payload of 7 MB is RequestTooLargeException", async () => {
    const answer = await platform.client.invoke("bystander", `"${"x".repeat(7 * megabyte)}"`);
    assert.deepEqual([answer.status, answer.code], [413, "RequestTooLargeException"]);
  });

  test("a payload of exactly 6 MB arrives whole", async () => {
    await platform.client.deploy("length", "exports.handler = async (event) => event.length;", { timeout: 30 });
    const event = JSON.stringify("x".repeat(6 * megabyte - 2));
    assert.equal((await platform.client.invoke("length", event)).text, String(6 * megabyte - 2));
    assert.equal((await platform.client.invoke("length", `${event} `)).code, "RequestTooLargeException");
  });

  for (const payload of ["{nope", "", "\u0000", "undefined", Buffer.from([0x22, 0xff, 0x22])]) {
    test(`a payload of ${JSON.stringify(payload.toString())} is refused unless it is empty`, async () => {
      const answer = await platform.client.invoke("bystander", payload);
      if (payload.length === 0) assert.equal(answer.status, 200);
      else assert.deepEqual([answer.status, answer.code], [400, "InvalidRequestContentException"]);
    });
  }

  test("an unknown runtime is InvalidParameterValueException and names the known ones", async () => {
    const answer = await platform.client.create("none", "", { runtime: "nodejs99.x" });
    assert.deepEqual([answer.status, answer.code], [400, "InvalidParameterValueException"]);
    assert.match(answer.body.message, /^Value nodejs99\.x at 'runtime' failed .* enum value set: \[.*nodejs22\.x.*\]/);
  });

  test("a function that is not there is ResourceNotFoundException", async () => {
    const answer = await platform.client.invoke("nobody");
    assert.deepEqual([answer.status, answer.code], [404, "ResourceNotFoundException"]);
    assert.equal(
      answer.body.Message ?? answer.body.message,
      "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody",
    );
  });

  test("nothing of the refused is left", () => platform.nothingLeft("length"));
});
