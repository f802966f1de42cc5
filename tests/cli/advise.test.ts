import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { type Server, startServer } from "../e2e/server.ts";
import { temporaryFolder, thaw } from "./thaw.ts";

/** What is found must be there, and cost what it costs: packages whose faults are known, on a real platform. */
let server: Server;
const folder = temporaryFolder();
const run = (args: readonly string[]) => thaw(args, { env: server.env, cwd: folder });

interface Found {
  readonly kind: string;
  readonly about: string;
  readonly ms?: number;
}

async function json(args: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const busy = (ms: number): string => `const end = performance.now() + ${ms}; while (performance.now() < end);\n`;
const many = Array.from({ length: 40 }, (_, i) => i);

const hundreds = Array.from({ length: 600 }, (_, i) => i);

const files: Readonly<Record<string, string>> = {
  "wide/index.js": 'const { sum } = require("parts");\nexports.handler = async () => sum;',
  "wide/node_modules/parts/package.json": '{"name":"parts","main":"main.js"}',
  "wide/node_modules/parts/main.js": `exports.sum = ${hundreds.map((i) => `require("./p${i}.js").n`).join("+")};`,
  ...Object.fromEntries(hundreds.map((i) => [`wide/node_modules/parts/p${i}.js`, `exports.n = ${i};`])),
  "nosy/index.js":
    'const { look } = require("./look.js");\nexports.handler = async () => look(process.env.LAMBDA_TASK_ROOT);',
  "nosy/look.js": 'exports.look = (folder) => require("node:fs").readdirSync(folder).sort();',
  "shop/index.js":
    'const heavy = require("heavy");\nrequire("node:net").connect(1, "127.0.0.1").on("error", () => {});\n' +
    "exports.handler = async () => {\n  new (class DynamoDBClient {})();\n  const client = () => new DynamoDBClient({});\n" +
    "  return { heavy: heavy.name };\n};",
  "shop/package.json": '{"name":"shop"}',
  "shop/node_modules/heavy/package.json": '{"name":"heavy","main":"main.js"}',
  "shop/node_modules/heavy/main.js": `require("./part.js");\n${many.map((i) => `require("./m${i}.js");`).join("")}exports.name = "heavy";`,
  "shop/node_modules/heavy/part.js": busy(80),
  ...Object.fromEntries(many.map((i) => [`shop/node_modules/heavy/m${i}.js`, `exports.n = ${i};`])),
  "shop/node_modules/left-over/index.js": "exports.never = 1;",
  "esm/index.mjs": 'import { name } from "heavy";\nexport const handler = async () => name;',
  "esm/node_modules/heavy/package.json": '{"name":"heavy","type":"module","exports":"./main.js"}',
  "esm/node_modules/heavy/main.js": `${busy(80)}export const name = "heavy";`,
  "snake/app.py": "import heavy\n\ndef handler(event, context):\n    return heavy.name\n",
  "snake/heavy/__init__.py":
    'import time\nend = time.perf_counter() + 0.08\nwhile time.perf_counter() < end:\n    pass\nname = "heavy"\n',
  "snake/heavy-1.dist-info/RECORD": "heavy/__init__.py,,\n",
  "snake/unused/__init__.py": "x = 1\n",
  "snake/unused-1.dist-info/RECORD": "unused/__init__.py,,\n",
};

before(async () => {
  server = await startServer();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** 80 ms of the machine's clock cannot be less; what is more is its load, and bounded by what the whole load took. */
function priced(found: { loadMs: number; findings: readonly Found[] }, about: string): void {
  const heavy = found.findings.find((each) => each.about === about);
  assert.ok(heavy?.ms !== undefined && heavy.ms >= 79 && heavy.ms <= found.loadMs, JSON.stringify(found));
  assert.equal(found.findings[0], heavy, "it is the dearest");
}

test("thaw advise finds and prices a dependency of 80 ms, a connection, a client in the handler, an unused package", async () => {
  const found = await json(["advise", "shop", "--runs", "3"]);
  priced(found, "heavy");
  assert.ok(found.loadMs < 400, `${found.loadMs}`);
  const kinds = found.findings.map((each: Found) => `${each.kind}: ${each.about}`);
  assert.ok(kinds.includes("heavy dependency: heavy"), `${kinds}`);
  assert.ok(kinds.includes("connection at init: 127.0.0.1:1"), `${kinds}`);
  assert.ok(kinds.includes("client in the handler: index.js:5"), `${kinds}`);
  assert.ok(kinds.includes("unused package: left-over"), `${kinds}`);
  assert.ok(!kinds.some((kind: string) => kind.includes("work at init")), `${kinds}`);
  assert.deepEqual(await json(["list"]), { functions: [] }, "no copy is left");
});

test("thaw advise --fix writes a package that answers alike, without what was not used, and leaves the function alone", async () => {
  await json(["deploy", "shop"]);
  const { code, stdout, stderr } = await run(["advise", "shop", "--fix", "--runs", "3", "--out", "better"]);
  assert.equal(code, 0, stderr);
  if (!existsSync(join(folder, "better"))) {
    // on a busy machine the runs may prove nothing; then it must say why
    return assert.match(stdout, /Not fixed: .*it starts slower/);
  }
  assert.match(stdout, /^Fixed in better: .* init .* → .*, the same answer/m);
  assert.deepEqual(readdirSync(join(folder, "better")), ["index.js"]);
  assert.doesNotMatch(readFileSync(join(folder, "better/index.js"), "utf8"), /never/);
  await json(["deploy", "better"]);
  assert.equal((await run(["invoke", "better"])).stdout, '{"heavy":"heavy"}\n');
});

test("thaw advise proves what one file in place of six hundred gains, and writes it", async () => {
  const { proof, fixed } = await json(["advise", "wide", "--fix", "--runs", "5", "--out", "narrow"]);
  assert.equal(proof.sameAnswer, true);
  // six hundred files cost more than any load of the machine hides
  assert.ok(proof.afterMs < proof.beforeMs, JSON.stringify(proof));
  assert.equal(fixed?.folder, "narrow", fixed?.words);
  assert.deepEqual(readdirSync(join(folder, "narrow")), ["index.js"]);
});

test("thaw advise does not fix what would answer differently", async () => {
  const { code, stdout, stderr } = await run(["advise", "nosy", "--fix", "--runs", "1", "--out", "changed"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Not fixed: .*it answers the event differently/);
  assert.ok(!existsSync(join(folder, "changed")));
});

test("thaw advise prices an ES module by its own statements", async () => {
  priced(await json(["advise", "esm", "--runs", "2"]), "heavy");
});

const python = spawnSync("python3", ["--version"]).status === 0;

test("thaw advise prices a Python package and finds one that nothing names", {
  skip: !python && "no python3",
}, async () => {
  const found = await json(["advise", "snake", "--runs", "2"]);
  priced(found, "heavy");
  assert.ok(found.findings.some((each: Found) => each.kind === "unused package" && each.about === "unused"));
});
