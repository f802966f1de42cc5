import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { page, pagePath } from "../../scripts/commands-page.ts";
import { build } from "../../scripts/docs-site.ts";
import { createProgram } from "../../src/cli/program.ts";
import { limits } from "../../src/model/index.ts";

const root = resolve(import.meta.dirname, "../..");
const docs = join(root, "docs");
const text = (name: string): string => readFileSync(join(docs, name), "utf8");
const files = readdirSync(docs).filter((name) => name.endsWith(".md"));
const everything = files.map(text).join("\n");

test("docs/commands.md says what the command line's help says: else `npm run commands-page`", () => {
  assert.equal(text("commands.md"), page());
  assert.equal(join(docs, "commands.md"), pagePath);
});

test("every link leads to a file of the repository", () => {
  const broken = files.flatMap((file) =>
    [...text(file).matchAll(/\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)/g)]
      .map(([, target]) => target!)
      .filter((target) => target !== "" && !existsSync(join(docs, target)))
      .map((target) => `${file}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every variable that the platform reads is on the page of settings, and no other", () => {
  const read = new Set(
    [...readFileSync(join(root, "src/config.ts"), "utf8").matchAll(/\benv\.(THAW_[A-Z0-9_]+)/g)].map(
      ([, name]) => name!,
    ),
  );
  const told = new Set([...text("settings.md").matchAll(/`(THAW_[A-Z0-9_]+)`/g)].map(([, name]) => name!));
  assert.deepEqual(
    [...read].filter((name) => !told.has(name)),
    [],
  );
  // the function's own variable, and an example of an upstream, are read elsewhere
  const elsewhere = new Set(["THAW_SNAPSHOT"]);
  assert.deepEqual(
    [...told].filter((name) => !read.has(name) && !elsewhere.has(name)),
    [],
  );
});

test("the page of limits has the numbers that are kept", () => {
  const told = text("limits.md");
  const numbers = [
    ...[limits.memoryMb, limits.timeoutSeconds, limits.ephemeralMb].flatMap(({ min, max }) => [`${min} to ${max}`]),
    `${limits.syncPayloadBytes / 2 ** 20} MB`,
    `${limits.asyncPayloadBytes / 2 ** 20} MB`,
    `${limits.clientContextBytes} bytes`,
    `${limits.zippedCodeBytes / 2 ** 20} MB`,
    `${limits.unzippedCodeBytes / 2 ** 20} MB`,
    `${limits.codeStorageBytes / 2 ** 30} GB`,
    `${limits.environmentBytes / 2 ** 10} KB`,
    `${limits.policyBytes} bytes`,
    `| ${limits.layers} |`,
    `| ${limits.processes} |`,
    `| ${limits.accountConcurrency}, of which ${limits.unreservedConcurrencyFloor} `,
    `${limits.initSeconds} s`,
    `${limits.snapshotInitSeconds} s`,
    `${limits.mbPerVcpu} MB`,
  ];
  assert.deepEqual(
    numbers.filter((number) => !told.includes(number)),
    [],
  );
});

test("commands and benchmarks that the pages name exist", () => {
  const commands = new Set(createProgram("0").commands.map((command) => command.name()));
  const named = new Set([...everything.matchAll(/(?:`|^)(?:npx )?thaw ([a-z]+)/gm)].map(([, name]) => name!));
  assert.deepEqual(
    [...named].filter((name) => !commands.has(name)),
    [],
  );
  const bench = readFileSync(join(root, "bench/bench.ts"), "utf8");
  const benches = new Set([...everything.matchAll(/npm run bench -- ([a-z]+)/g)].map(([, name]) => name!));
  assert.deepEqual(
    [...benches].filter((name) => !new RegExp(`^  ${name}[:,]`, "m").test(bench)),
    [],
  );
});

test("the site has every page, each with a list of all that marks itself", () => {
  const target = mkdtempSync(join(tmpdir(), "thaw-docs-"));
  try {
    const made = build(target);
    assert.deepEqual([...made].sort(), files.map((name) => name.replace(".md", ".html")).sort());
    for (const name of made) {
      const html = readFileSync(join(target, name), "utf8");
      for (const other of made) assert.ok(html.includes(`href="${other}"`), `${name} lists ${other}`);
      assert.equal(html.match(/aria-current="page"/g)?.length, 1);
      const lost = [...html.matchAll(/href="([\w-]+\.html)/g)].filter(([, to]) => !existsSync(join(target, to!)));
      assert.deepEqual(lost, []);
    }
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
});
