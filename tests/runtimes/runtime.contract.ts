import assert from "node:assert/strict";
import { it } from "node:test";
import type { Functions } from "./functions.ts";
import { tooLarge } from "./harness.ts";

/** Functions that a language writes for the contract, each as its only file. */
export interface Samples {
  /** answers with the number of events so far and the event: `{ n, e }` */
  readonly counts: string;
  /** answers with the length of the event's `text` in characters, and 6,000,000 times x: `{ length, back }` */
  readonly measures: string;
  /** answers with as many times x as the event says */
  readonly repeats: string;
  /** answers with whether it sees _THAW_LINK_FD, and the exit status of `test -e /proc/self/fd/3` in a child */
  readonly looks: string;
  /** answers with its environment's WRAPPED */
  readonly wrapped: string;
}

/** What every bootstrap with a link of its own does (agent/PROTOCOL.md, "On the runtime's link"). */
export function runtimeContract({ start, running, answerOf, json, fileOf }: Functions, samples: Samples): void {
  it("reports its marks in order and on the clock of the host", async () => {
    const now = () => Number(process.hrtime.bigint()) / 1e6;
    const before = now();
    const started = start(samples.counts);
    const { marks } = await started.start();
    await started.stop();
    const { boot, load, loaded } = marks!;
    const all = [before, boot!, load!, loaded!, now()];
    assert.deepEqual(
      all,
      all.toSorted((a, b) => a - b),
    );
  });

  it("answers and is ready at once for the next event, in a process that keeps its state", async () => {
    await running(samples.counts, async (f) => {
      for (let n = 1; n <= 3; n++) {
        const event = { name: "é😀", number: 1.5, list: [null, true] };
        const { type, ready, raw, body } = await f.invoke(event);
        assert.deepEqual([type, ready, raw], ["RESPONSE", true, false]);
        assert.deepEqual(JSON.parse(body.toString()), { n, e: event });
      }
    });
  });

  it("takes events and answers far larger than its buffers", async () => {
    await running(samples.measures, async (f) => {
      const { length, back } = await json(f, { text: "é".repeat(2_000_000) });
      assert.deepEqual([length, back.length], [2_000_000, 6_000_000]);
    });
  });

  it("refuses an answer over the limit in Lambda's words, and goes on", async () => {
    await running(samples.repeats, async (f) => {
      assert.equal((await f.invoke(6_291_554)).body.length, 6_291_556, "two quotes around it");
      for (const characters of [6_291_555, 10_000_000]) {
        const { type, ready, failure } = await f.invoke(characters);
        assert.deepEqual([type, ready, failure], ["ERROR", true, tooLarge]);
      }
      assert.equal((await f.invoke(2)).body.toString(), '"xx"');
    });
  });

  it("keeps the link out of the function's environment and children", async () => {
    assert.deepEqual(JSON.parse((await answerOf(samples.looks)).body.toString()), [false, 1]);
  });

  it("starts through a wrapper script", async () => {
    const wrapper = ["/bin/sh", "-c", 'export WRAPPED=yes; exec "$@"', "wrapper"];
    const started = start({ files: fileOf(samples.wrapped), wrapper });
    assert.ok((await started.start()).marks);
    assert.equal(await json(started), "yes");
    await started.stop();
  });

  it("ends when the agent closes the link", async () => {
    await running(samples.counts, async (f) => {
      f.closeLink();
      assert.deepEqual((await f.exited()).exit, { code: 0, signal: null });
    });
  });
}
