import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Asks for so many turns and notes who gets one. */
function crowd(turns: Turns, size: number) {
  const ends: (() => void)[] = [];
  const came: number[] = [];
  for (let n = 0; n < size; n++) {
    void turns.take().then((end) => {
      came.push(n);
      ends[n] = end;
    });
  }
  return { came, end: (n: number) => ends[n]!() };
}

test("so many starts have their turn at once, the others one after another as they came", async () => {
  const { came, end } = crowd(new Turns(2, 60_000), 5);
  await settled();
  assert.deepEqual(came, [0, 1]);
  end(1);
  await settled();
  assert.deepEqual(came, [0, 1, 2]);
  end(0);
  end(2);
  await settled();
  assert.deepEqual(came, [0, 1, 2, 3, 4]);
});

test("a turn that is ended twice is passed on once", async () => {
  const { came, end } = crowd(new Turns(1, 60_000), 3);
  await settled();
  end(0);
  end(0);
  await settled();
  assert.deepEqual(came, [0, 1]);
});

test("turns that nobody waited for are there again", async () => {
  const turns = new Turns(1, 60_000);
  (await turns.take())();
  (await turns.take())();
  const { came } = crowd(turns, 2);
  await settled();
  assert.deepEqual(came, [0]);
});

test("a start that takes too long keeps nobody from beginning, and its end is no further turn", async () => {
  const turns = new Turns(1, 5);
  const slow = await turns.take();
  const second = await turns.take();
  slow();
  const { came } = crowd(turns, 1);
  await settled();
  assert.deepEqual(came, []);
  second();
  await settled();
  assert.deepEqual(came, [0]);
});
