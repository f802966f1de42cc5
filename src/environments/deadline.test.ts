import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { monotonicMs } from "../model/index.ts";
import { Deadline } from "./deadline.ts";

/** Settles with the moment at which the deadline passed. */
function watched(): { deadline: Deadline; passed: Promise<number>; times: () => number } {
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<number>();
  const deadline = new Deadline(() => {
    count++;
    resolve(monotonicMs());
  });
  return { deadline, passed: promise, times: () => count };
}

describe("a deadline", () => {
  test("passes once, not before its moment", async () => {
    const { deadline, passed, times } = watched();
    const at = monotonicMs() + 20;
    deadline.set(at);
    assert.ok((await passed) > at - 1);
    await watchedUntil(monotonicMs() + 20);
    assert.equal(times(), 1);
  });

  test("one set later moves it, and one set earlier comes earlier", async () => {
    const { deadline, passed } = watched();
    const began = monotonicMs();
    deadline.set(began + 10);
    deadline.set(began + 40);
    assert.ok((await passed) > began + 39);
    const other = watched();
    other.deadline.set(began + 60_000);
    other.deadline.set(monotonicMs() + 5);
    await other.passed;
    other.deadline.close();
  });

  test("one that is lifted or closed never passes, and may be set again", async () => {
    const { deadline, passed, times } = watched();
    deadline.set(monotonicMs() + 5);
    deadline.lift();
    await watchedUntil(monotonicMs() + 15);
    deadline.set(monotonicMs() + 5);
    deadline.close();
    await watchedUntil(monotonicMs() + 15);
    assert.equal(times(), 0);
    deadline.set(monotonicMs() + 5);
    await passed;
  });
});

async function watchedUntil(at: number): Promise<void> {
  const { deadline, passed } = watched();
  deadline.set(at);
  await passed;
}
