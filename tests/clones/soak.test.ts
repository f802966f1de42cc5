import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { launcherOf, type Traces, tracesOf, until } from "../security/traces.ts";
import { type Clones, noImages, startClones } from "./platform.ts";
import { full, scaled } from "./scale.ts";

const skip = await noImages();
const wide = 8;
const code = `const held = new Map();
for (let n = 0; n < 20000; n++) held.set("key " + n, { n });
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
exports.handler = async ({ n = 0, holdMs = 0 }) => {
  require("node:fs").writeFileSync("/tmp/file", "x".repeat(100_000));
  await new Promise((resolve) => setTimeout(resolve, holdMs));
  return held.get("key " + n).n;
};`;

describe("copies come and go", { skip }, () => {
  test("after many of them, killed at any moment, nothing is left of them and the platform has not grown", async () => {
    // With little room to breathe in, an engine's heap is as large as what is in it.
    const NODE_OPTIONS = "--max-old-space-size=96 --max-semi-space-size=2";
    await using platform = await startClones({ env: { NODE_OPTIONS } });
    await platform.deploy("soaked", code);
    await round(platform, 2, 5);
    await round(platform, wide);
    await platform.cool("soaked");
    const before = await calm(platform);
    const memory: Memory[] = [];
    const loops = loopDevices(platform);
    const end = performance.now() + scaled(20, 30 * 60) * 1000;
    let copies = 0;
    for (let n = 0; performance.now() < end; n++) {
      // now and then two of them before they can have answered: a third failure in a row would end the image's use
      if (n % 5 === 4) await round(platform, 2, (n * 3) % 17);
      else copies += await round(platform, wide);
      await platform.cool("soaked");
      memory.push(memoryOf(platform));
    }
    await until(
      () => tracesOf(platform.server),
      (now) => same(now, { ...before, files: before.files.filter((file) => isThere(now, file)) }),
      20_000,
    ).catch((error) => {
      throw new Error(`left behind; before it was ${JSON.stringify(before)}`, { cause: error });
    });
    assert.deepEqual(loopDevices(platform), loops);
    assert.ok(copies > scaled(20, 1000), `only ${copies} copies`);
    const [early, late] = [
      leastOf(memory.slice(memory.length / 6, memory.length / 2)),
      leastOf(memory.slice(-memory.length / 6)),
    ];
    // megabytes; a leak of some kilobytes a copy is many times that in the full form
    assert.ok(late.platform < early.platform + 48, `the platform grew from ${early.platform} to ${late.platform} MB`);
    assert.ok(late.launcher < early.launcher + 2, `the launcher grew from ${early.launcher} to ${late.launcher} MB`);
    if (full) console.log(`${copies} copies; platform ${early.platform} → ${late.platform} MB`);
  });
});

/** Calls so many copies at once; killed `afterMs` later, or when all have answered rightly. Resolves with how many copies did. */
async function round(platform: Clones, count: number, afterMs?: number): Promise<number> {
  const calls = Array.from({ length: count }, (_, n) => platform.call("soaked", { n, holdMs: 30 }));
  const answered = Promise.all(calls);
  // Should the killing fail, that is what is to be read, and not that the calls were cut off then.
  answered.catch(() => undefined);
  if (afterMs !== undefined) {
    await delay(afterMs);
    await platform.kill("soaked");
  }
  const answers = await answered;
  for (const [n, answer] of answers.entries()) {
    if (afterMs === undefined) assert.equal(answer.text, String(n), `${answer.status} ${answer.functionError}`);
    assert.ok(
      answer.status === 200 || (afterMs !== undefined && answer.status >= 500),
      `${answer.status} ${answer.text}`,
    );
  }
  return answers.filter(({ start }) => start === "restore").length;
}

/** Slots are made in the background: the picture is taken when several looks see the same. */
async function calm(platform: Clones): Promise<Traces> {
  let last = tracesOf(platform.server);
  for (let equal = 0; equal < 10; ) {
    await delay(50);
    const now = tracesOf(platform.server);
    equal = same(now, last) ? equal + 1 : 0;
    last = now;
  }
  return last;
}

/** An image may be dropped meanwhile, for copies that were killed on their way are failures of it; nothing else may go. */
const isThere = (now: Traces, file: string) => !file.startsWith("images/") || now.files.includes(file);

function same(a: Traces, b: Traces): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Resident memory, MB. */
interface Memory {
  readonly platform: number;
  readonly launcher: number;
}

function memoryOf(platform: Clones): Memory {
  const of = (pid: number) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  return { platform: of(platform.server.process.pid!), launcher: of(launcherOf(platform.server)!) };
}

/** An engine's heap breathes, and grows in its first minutes: the least of many looks is what it needs. */
function leastOf(looks: readonly Memory[]): Memory {
  return {
    platform: Math.min(...looks.map(({ platform }) => platform)),
    launcher: Math.min(...looks.map(({ launcher }) => launcher)),
  };
}

/** Loop devices over files of this platform's data; of the stock of disks for /tmp there are now more, now fewer. */
function loopDevices(platform: Clones): string[] {
  const backing = readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .flatMap((name) => {
      try {
        return [readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim()];
      } catch {
        return [];
      }
    });
  return backing.filter((path) => path.startsWith(platform.server.dataDir) && !/\/(disks?|tmp)\b/.test(path)).sort();
}
