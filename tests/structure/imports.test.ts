import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

const src = resolve(import.meta.dirname, "../../src");

/** Level of each room; a file imports only rooms with a smaller number, or its own. */
const levels: Record<string, number> = {
  model: 0,
  keys: 1,
  observe: 1,
  capacity: 1,
  policy: 1,
  measure: 1,
  patterns: 1,
  remote: 1,
  templates: 1,
  traces: 1,
  otlp: 2,
  registry: 2,
  artifacts: 2,
  images: 2,
  objects: 2,
  repositories: 2,
  messages: 2,
  isolation: 2,
  extensions: 2,
  environments: 3,
  invoke: 4,
  durable: 4,
  queue: 4,
  buses: 4,
  destinations: 5,
  sources: 5,
  stacks: 4,
  simulate: 2,
  edge: 5,
  "config.ts": 6,
  platform: 7,
  "main.ts": 8,
  cli: 9,
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const found = text.matchAll(/(?:from\s+|import\s+|import\()"([^"]+)"/g);
  return [...found].map((match) => ({ file, target: match[1]! }));
}

const local = files.flatMap(importsOf).flatMap(({ file, target }) => {
  if (!target.startsWith(".")) return [];
  return [{ file, target: relative(src, resolve(src, dirname(file), target)) }];
});
const roomOf = (path: string) => path.split("/")[0]!;
const isTest = (file: string) => /\.(test|contract)\.ts$/.test(file);

test("every folder and file at the top of src is a room with a level", () => {
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => levels[room] === undefined),
    [],
  );
});

test("rooms import only rooms below them, never sideways", () => {
  const wrong = local.filter(({ file, target }) => {
    if (isTest(file)) return false;
    const [from, to] = [roomOf(file), roomOf(target)];
    return from !== to && !(levels[to]! < levels[from]!);
  });
  assert.deepEqual(wrong, []);
});

test("another room is entered through its index.ts only", () => {
  const wrong = local.filter(({ file, target }) => {
    const [from, to] = [roomOf(file), roomOf(target)];
    return from !== to && target.includes("/") && target !== `${to}/index.ts` && !isTest(file);
  });
  assert.deepEqual(wrong, []);
});

test("every relative import names a file that exists", () => {
  const known = new Set(files);
  const outside = (target: string) => target.startsWith("..") || !target.endsWith(".ts");
  assert.deepEqual(
    local.filter(({ target }) => !outside(target) && !known.has(target)),
    [],
  );
});

test("the data plane imports node's built-in modules and our own files only", () => {
  const plane = [
    "model",
    "observe",
    "capacity",
    "policy",
    "isolation",
    "images",
    "environments",
    "invoke",
    "durable",
    "queue",
  ];
  const wrong = files
    .filter((file) => plane.includes(roomOf(file)) && !isTest(file))
    .flatMap(importsOf)
    .filter(({ target }) => !target.startsWith(".") && !target.startsWith("node:"));
  assert.deepEqual(wrong, []);
});

const powers: Record<string, { readonly pattern: RegExp; readonly rooms: readonly string[] }> = {
  "process.env": { pattern: /process\.env/, rooms: ["config.ts", "cli"] },
  SQL: {
    pattern: /"node:sqlite"/,
    rooms: ["registry", "durable", "queue", "objects", "messages", "sources", "buses", "observe", "traces"],
  },
  spawning: { pattern: /"node:child_process"/, rooms: ["isolation", "artifacts", "cli"] },
  "HTTP parsing": { pattern: /"node:https?"/, rooms: ["edge", "remote", "cli"] },
};

for (const [power, { pattern, rooms }] of Object.entries(powers)) {
  test(`${power} has one address: ${rooms.join(", ")}`, () => {
    const wrong = files.filter(
      (file) => !isTest(file) && !rooms.includes(roomOf(file)) && pattern.test(readFileSync(join(src, file), "utf8")),
    );
    assert.deepEqual(wrong, []);
  });
}

test("unsafe Rust lives in agent/src/sys only", () => {
  const agent = resolve(src, "../agent/src");
  const wrong = readdirSync(agent, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      file.endsWith(".rs") &&
      !file.startsWith("sys/") &&
      /\bunsafe\s*[{(]|\bunsafe\s+(fn|impl)/.test(readFileSync(join(agent, file), "utf8")),
  );
  assert.deepEqual(wrong, []);
});

test("no folder or file is called utils, helpers or common", () => {
  assert.deepEqual(
    files.filter((file) => /(^|\/)(utils?|helpers?|common)(\.ts|\/)/.test(file)),
    [],
  );
});
