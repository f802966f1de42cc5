import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { CommandFailure } from "../failure.ts";
import { detect } from "./detect.ts";
import { rubyRuntime } from "./detect-ruby.ts";
import { nodeRuntime, pythonRuntime } from "./detect-runtime.ts";

const nothingGiven = { runtime: undefined, handler: undefined };

function folderOf(t: { after(done: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "thaw-detect-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const nodeCases: readonly (readonly [string, Record<string, string>, string])[] = [
  ["CommonJS", { "index.js": "exports.handler = async () => 1" }, "index.handler"],
  [
    "module.exports",
    { "app.js": "const lambdaHandler = 1;\nmodule.exports = { lambdaHandler };" },
    "app.lambdaHandler",
  ],
  ["an ES module", { "index.mjs": "export const handler = async () => 1" }, "index.handler"],
  ["an exported function", { "handler.mjs": "export async function handler() {}" }, "handler.handler"],
  ["an export list", { "index.js": "async function f() {}\nexport { f as handler };" }, "index.handler"],
  [
    "what esbuild makes",
    { "index.js": "var x = {};\n__export(x, {\n  handler: () => handler\n});\nmodule.exports = __toCommonJS(x);" },
    "index.handler",
  ],
  [
    "package.json's main",
    {
      "package.json": '{"main":"./dist/fn.js"}',
      "dist/fn.js": "exports.handler = 1",
      "index.js": "exports.handler = 1",
    },
    "dist/fn.handler",
  ],
];

for (const [name, files, handler] of nodeCases) {
  test(`a Node.js handler is found in ${name}`, async (t) => {
    const found = await detect(folderOf(t, files), nothingGiven);
    assert.equal(found.handler, handler);
    assert.match(found.runtime, /^nodejs\d+\.x$/);
  });
}

test("a Python handler is found, and .python-version says which Python", async (t) => {
  const folder = folderOf(t, {
    "util.py": "x = 1",
    "lambda_function.py": "import json\n\ndef lambda_handler(event, context):\n    return 1\n",
    ".python-version": "3.12.1\n",
  });
  const found = await detect(folder, nothingGiven);
  assert.deepEqual([found.runtime, found.handler], ["python3.12", "lambda_function.lambda_handler"]);
});

test("a Ruby handler is found, and .ruby-version says which Ruby", async (t) => {
  const files = {
    "app.rb": "require 'json'\n\ndef lambda_handler(event:, context:)\n  1\nend\n",
    ".ruby-version": "3.3.6\n",
  };
  const found = await detect(folderOf(t, files), nothingGiven);
  assert.deepEqual([found.runtime, found.handler], ["ruby3.3", "app.lambda_handler"]);
  const named = await detect(folderOf(t, { "lib/api.rb": "" }), { runtime: "ruby3.2", handler: "lib/api.Api.get" });
  assert.deepEqual([named.runtime, named.handler], ["ruby3.2", "lib/api.Api.get"]);
});

test("the Ruby is the one that ruby on the PATH is by its name", async (t) => {
  const folder = folderOf(t, { "bin/ruby3.2": "", "versions/3.4.1/bin/ruby": "" });
  symlinkSync("ruby3.2", join(folder, "bin/ruby"));
  const empty = folderOf(t, {});
  assert.equal(await rubyRuntime(empty, { PATH: join(folder, "bin") }), "ruby3.2");
  assert.equal(await rubyRuntime(empty, { PATH: join(folder, "versions/3.4.1/bin") }), "ruby3.4");
  assert.equal(await rubyRuntime(empty, { PATH: empty }), "ruby3.4");
});

/** As much of a class file as is looked at. */
const classFile = (java: number, content = ""): string =>
  Buffer.concat([Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 44 + java]), Buffer.from(content)]).toString("latin1");

test("a compiled Java handler is found by its interface; the runtime is the oldest that loads its class", async (t) => {
  const folder = folderOf(t, { "lib/library.jar": "" });
  mkdirSync(join(folder, "shop"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, "latin1");
  write("shop/Cart.class", classFile(21));
  write("shop/Api.class", classFile(21, "com/amazonaws/services/lambda/runtime/RequestHandler"));
  const found = await detect(folder, nothingGiven);
  assert.deepEqual([found.runtime, found.handler], ["java21", "shop.Api::handleRequest"]);
  write("shop/Old.class", classFile(16));
  const named = await detect(folder, { runtime: undefined, handler: "shop.Old::go" });
  assert.deepEqual([named.runtime, named.handler], ["java17", "shop.Old::go"]);
  write("shop/Other.class", classFile(21, "com/amazonaws/services/lambda/runtime/RequestStreamHandler"));
  await assert.rejects(detect(folder, nothingGiven), /any of them may be the handler/);
});

test("a published .NET function's runtime is found; its method has to be named", async (t) => {
  const config = '{ "runtimeOptions": { "tfm": "net8.0" } }';
  const folder = folderOf(t, { "Shop.dll": "", "Shop.runtimeconfig.json": config });
  const handler = "Shop::Shop.Api::Get";
  const found = await detect(folder, { runtime: undefined, handler });
  assert.deepEqual([found.runtime, found.handler], ["dotnet8", handler]);
  await assert.rejects(detect(folder, nothingGiven), (error: CommandFailure) => {
    assert.equal(error.next, "name it: --handler Shop::NAMESPACE.CLASS::METHOD");
    return true;
  });
});

test("an executable bootstrap is a provided runtime; one that is not executable says how to make it so", async (t) => {
  const folder = folderOf(t, { bootstrap: "#!/bin/sh\n" });
  await assert.rejects(detect(folder, nothingGiven), (error: CommandFailure) => {
    assert.match(error.message, /not executable/);
    assert.match(error.next ?? "", /^chmod \+x /);
    return true;
  });
  chmodSync(join(folder, "bootstrap"), 0o755);
  const found = await detect(folder, nothingGiven);
  assert.deepEqual([found.runtime, found.handler], ["provided.al2023", "bootstrap"]);
});

test("what is given is kept, the rest is found", async (t) => {
  const folder = folderOf(t, { "src/api.js": "exports.get = 1", "package.json": '{"name":"@team/shop"}' });
  const byHandler = await detect(folder, { runtime: undefined, handler: "src/api.get" });
  assert.match(byHandler.runtime, /^nodejs/);
  assert.equal(byHandler.name, "shop");
  const both = await detect(folder, { runtime: "nodejs18.x", handler: "nowhere.x" });
  assert.deepEqual([both.runtime, both.handler], ["nodejs18.x", "nowhere.x"]);
});

test("a given runtime decides which language is looked for", async (t) => {
  const folder = folderOf(t, { "index.js": "exports.handler = 1", "app.py": "def handler(e, c): pass" });
  const found = await detect(folder, { runtime: "python3.11", handler: undefined });
  assert.deepEqual([found.runtime, found.handler], ["python3.11", "app.handler"]);
});

const refusals: readonly (readonly [string, Record<string, string>, RegExp, RegExp])[] = [
  [
    "nothing at all",
    { "notes.txt": "" },
    /No function found in .*bootstrap.*index\.mjs.*lambda_function\.py/s,
    /--runtime/,
  ],
  ["TypeScript", { "index.ts": "export const handler = 1" }, /index\.ts is TypeScript/, /esbuild index\.ts/],
  ["a Java project", { "pom.xml": "" }, /Java project/, /mvn package/],
  ["a .NET project", { "Shop.csproj": "" }, /\.NET project/, /dotnet publish/],
  ["a Rust crate", { "Cargo.toml": "" }, /Rust crate/, /cargo build/],
  ["a template", { "template.yaml": "Resources:" }, /is a template/, /thaw deploy .*template\.yaml/],
  ["a module without a handler", { "index.js": "exports.other = 1" }, /none exports handler/, /--handler index\.NAME/],
  ["a broken package.json", { "package.json": "{" }, /package\.json is not JSON/, /^$/],
];

for (const [name, files, message, next] of refusals) {
  test(`${name} is refused with what to do`, async (t) => {
    await assert.rejects(detect(folderOf(t, files), nothingGiven), (error: CommandFailure) => {
      assert.match(error.message, message);
      assert.match(error.next ?? "", next);
      return true;
    });
  });
}

const ranges: readonly (readonly [unknown, string])[] = [
  [undefined, "nodejs24.x"],
  [">=18", "nodejs24.x"],
  ["20.x", "nodejs20.x"],
  ["^22.3.0", "nodejs22.x"],
  [">=18 <21", "nodejs20.x"],
  [">= 20.0.0 < 22", "nodejs20.x"],
  ["18 || 20", "nodejs20.x"],
  ["<=22", "nodejs22.x"],
  ["26", "nodejs26.x"],
  ["nonsense", "nodejs24.x"],
  ["^4", "nodejs24.x"],
];

for (const [range, runtime] of ranges) {
  test(`engines.node ${JSON.stringify(range)} means ${runtime}`, () => assert.equal(nodeRuntime(range), runtime));
}

test("the Python is the one python3 on the PATH leads to; pyenv's shims are read, not run", async (t) => {
  const folder = folderOf(t, { "bin/python3.11": "", "pyenv/shims/python3": "", "pyenv/version": "3.12.1\n3.10.2\n" });
  symlinkSync("python3.11", join(folder, "bin/python3"));
  const empty = folderOf(t, {});
  assert.equal(await pythonRuntime(empty, { PATH: join(folder, "bin") }), "python3.11");
  const shims = `${join(folder, "pyenv/shims")}:${join(folder, "bin")}`;
  assert.equal(await pythonRuntime(empty, { PATH: shims }), "python3.12");
  assert.equal(await pythonRuntime(empty, { PATH: empty }), "python3.13");
});
