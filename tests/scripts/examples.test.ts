import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { examplesOf, renewed, shortened } from "../../scripts/examples/pages.ts";
import { run, writeSamples } from "../../scripts/examples.ts";

const docs = resolve(import.meta.dirname, "../../docs");
const page = (name: string): string => readFileSync(join(docs, name), "utf8");

test("the documentation's simulations print to the letter what stands there: else `npm run examples simulate.md`", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-examples-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeSamples(folder);
  const examples = examplesOf(page("simulate.md"));
  assert.ok(examples.length >= 4);
  for (const { command, output } of examples) assert.equal((await run(command, folder)).trimEnd(), output, command);
});

test("bench, tune and advise have examples, with what they found", () => {
  const commands = new Map(
    examplesOf(page("measure.md")).map(({ command, output }) => [command.split(" ")[1], output]),
  );
  assert.deepEqual([...commands.keys()], ["bench", "tune", "advise"]);
  // 80 ms are what the sample was made to take: an example that found less was made of something else
  const slower = /at the median (\d+) ms slower/.exec(commands.get("bench")!);
  assert.ok(Number(slower![1]) >= 60, commands.get("bench"));
  const [, cost] = /^(\d+) ms +heavy dependency +heavy /m.exec(commands.get("advise")!)!;
  assert.ok(Number(cost) >= 80, cost);
  assert.match(commands.get("advise")!, /^Fixed in .* init (\d+) ms → (\d+) ms, the same answer/m);
  assert.match(commands.get("tune")!, /cheapest|best balance/);
});

test("a page made anew keeps everything but the outputs", async () => {
  const text = "before\n```console\n$ thaw a\nold\n\n$ thaw b\nold\n```\nbetween\n```sh\n$ thaw c\n```\n";
  const made = await renewed(text, async ({ command }) => (command === "thaw a" ? "new\n" : undefined));
  assert.equal(made, text.replace("old", "new"));
});

test("of many histograms two are shown", () => {
  const long = ["table", "one", "two", "three", "cold: a is 3 ms slower (95 % confidence)"].join("\n\n");
  assert.equal(shortened(long), ["table", "one", "two", "…", "cold: a is 3 ms slower (95 % confidence)"].join("\n\n"));
  assert.equal(shortened("table\n\none\n"), "table\n\none");
});
