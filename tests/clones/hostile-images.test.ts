import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { launcherOf } from "../security/traces.ts";
import { type Clones, noImages, startClones } from "./platform.ts";
import { scaled } from "./scale.ts";

const skip = await noImages();

/** Offsets of agent/src/image/format.rs: `Header::tables`, `Header::bytes`, and the eight tables (offset, count) after them. */
const tablesAt = 8;
const bytesAt = 16;
const firstTable = 24;
const tableCount = 8;
/** `WORKING_SET_BYTES`: the last of the file; a sum, a count, entries. */
const workingSetBytes = 32 << 10;

/** Its init is long enough that a plain start is the slower one, whatever else the machine does. */
const code = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
exports.handler = async (event) => ({ n: event.n });`;

describe("an image that somebody has damaged", { skip }, () => {
  let platform: Clones;
  let image: string;
  let launcher: number;
  /** cases so far, and those in which the whole image was used right afterwards */
  const seen = { cases: 0, restored: 0 };
  const scratch = mkdtempSync(join(tmpdir(), "thaw-test-images-"));
  const kept = join(scratch, "image");

  before(async () => {
    platform = await startClones();
    await platform.client.deploy("bystander", "exports.handler = async (event) => event.n;", { timeout: 60 });
    await platform.deploy("damaged", code);
    image = imageOf("damaged", join(platform.server.dataDir, "images"));
    // its first copies tell what they write to
    const told = () => readFileSync(image).readBigUInt64LE(statSync(image).size - workingSetBytes + 8) > 0n;
    for (let n = 0; n < 100 && !told(); n++) {
      if (n % 20 === 0) await platform.clone("damaged");
      await delay(50);
    }
    copyFileSync(image, kept);
    launcher = launcherOf(platform.server)!;
  });
  after(async () => {
    // or nothing of this has looked at an image
    assert.ok(seen.restored > 0.8 * seen.cases, `${seen.restored} of ${seen.cases} whole images were used`);
    await platform[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true });
  });

  /** Two cold calls: with the image as `damage` leaves it, and with the whole one again, so that nothing is given up for good. */
  const survives = async (what: string, damage: () => void): Promise<string> => {
    damage();
    await platform.cool("damaged");
    const answer = await platform.call("damaged", { n: 1 });
    assert.equal(answer.text, '{"n":1}', `${what}: ${answer.status} ${answer.functionError} (${answer.start})`);
    assert.notEqual(answer.start, "none", what);
    assert.equal((await platform.call("bystander", { n: 7 })).text, "7", what);
    assert.equal(launcherOf(platform.server), launcher, `${what}: the launcher is another one`);
    copyFileSync(kept, image);
    await platform.cool("damaged");
    const again = await platform.call("damaged", { n: 2 });
    assert.equal(again.text, '{"n":2}', what);
    seen.cases += 1;
    if (again.start === "restore") seen.restored += 1;
    return answer.start;
  };

  test("cut short at every table and everywhere else, it is not used", async () => {
    const header = readFileSync(kept).subarray(0, firstTable + 16 * tableCount);
    const { size } = statSync(kept);
    const starts = Array.from({ length: tableCount }, (_, n) => Number(header.readBigUInt64LE(firstTable + 16 * n)));
    const cuts = new Set([0, 7, 8, 100, Number(header.readBigUInt64LE(tablesAt)), size - 4096, size - 1]);
    for (const start of starts)
      for (const cut of [start - 1, start, start + 8]) if (cut > 0 && cut < size) cuts.add(cut);
    for (const cut of cuts) {
      const start = await survives(`cut to ${cut} bytes`, () => truncateSync(image, cut));
      assert.notEqual(start, "restore", `an image of ${size} bytes, cut to ${cut}, was executed`);
    }
  });

  test("with other bits in its header and tables, it does no harm to anything but its own copy", async () => {
    const whole = readFileSync(kept);
    const tables = Number(whole.readBigUInt64LE(tablesAt));
    const random = generator(20261122);
    for (let n = 0; n < scaled(20, 500); n++) {
      // the header decides over everything after it: every fourth case is about it
      const room = n % 4 === 0 ? firstTable + 16 * tableCount : tables;
      const flips = Array.from({ length: 1 + (n % 3) }, () => ({ at: random(room), bit: random(8) }));
      await survives(`bits ${JSON.stringify(flips)}`, () => {
        const damaged = Buffer.from(whole);
        for (const { at, bit } of flips) damaged[at]! ^= 1 << bit;
        writeFileSync(image, damaged);
      });
    }
  });

  test("with anything for a working set, it is restored as it is without one", async () => {
    const at = statSync(kept).size - workingSetBytes;
    const entries = Number(readFileSync(kept).readBigUInt64LE(at + 8));
    assert.ok(entries > 10, `${entries} stretches of memory are known to be written to`);
    const known = readFileSync(kept).subarray(at);
    const random = generator(11);
    const noise = Buffer.from(Array.from(known, () => random(256)));
    const flipped = Buffer.from(known);
    flipped[random(16 + 8 * entries)]! ^= 1 << random(8);
    const longer = Buffer.from(known);
    longer.writeBigUInt64LE(2n ** 64n - 1n, 8);
    const starts: string[] = [];
    for (const [what, set] of Object.entries({ known, empty: Buffer.alloc(known.length), noise, flipped, longer })) {
      const bytes = readFileSync(kept);
      set.copy(bytes, at);
      starts.push(await survives(`a working set: ${what}`, () => writeFileSync(image, bytes)));
    }
    // once the ladder may have chosen another start
    assert.ok(starts.filter((start) => start === "restore").length >= starts.length - 1, starts.join());
  });

  test("with random bytes instead of its tables, or of another length than it says, it is not used", async () => {
    const whole = readFileSync(kept);
    const tables = Number(whole.readBigUInt64LE(tablesAt));
    const random = generator(7);
    const noise = Buffer.from(whole);
    for (let at = firstTable; at < tables; at++) noise[at] = random(256);
    assert.notEqual(await survives("noise", () => writeFileSync(image, noise)), "restore");
    const all = [tablesAt, bytesAt, ...Array.from({ length: 2 * tableCount }, (_, n) => firstTable + 8 * n)];
    for (const value of [0n, 1n, BigInt(whole.length) + 4096n, 2n ** 63n, 2n ** 64n - 1n]) {
      for (const field of all.slice(0, scaled(3, all.length))) {
        const damaged = Buffer.from(whole);
        damaged.writeBigUInt64LE(value, field);
        await survives(`${value} at ${field}`, () => writeFileSync(image, damaged));
      }
    }
  });
});

/** The image of one function: beside it lies a note of whose it is. Another may be of a runtime that has no function yet. */
function imageOf(name: string, directory: string): string {
  const notes = readdirSync(directory).filter((file) => file.endsWith(".json"));
  const found = notes.find((file) => JSON.parse(readFileSync(join(directory, file), "utf8")).owner.name === name);
  assert.ok(found, `no image of ${name} in ${directory}`);
  return join(directory, found.replace(/json$/, "image"));
}

/** Whole numbers from 0 to below the one given, the same for the same seed: mulberry32 of Tommy Ettinger, public domain. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
