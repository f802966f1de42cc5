import assert from "node:assert/strict";
import { test } from "node:test";
import { IllegalMove, type Move, moves, next, type State, states, transitions } from "./lifecycle.ts";

/** The table once more, as a person would say it: a change of one must be a decision about both. */
const legal: Record<Move, Partial<Record<State, State>>> = {
  made: { creating: "initializing" },
  restore: { creating: "restoring" },
  ready: { initializing: "idle", restoring: "idle", busy: "idle", settling: "idle" },
  broke: { initializing: "failed" },
  retry: { failed: "creating" },
  freeze: { idle: "frozen" },
  thaw: { frozen: "idle" },
  invoke: { idle: "busy" },
  join: { busy: "busy" },
  leave: { busy: "busy" },
  answered: { busy: "settling" },
  stop: {
    creating: "stopping",
    initializing: "stopping",
    restoring: "stopping",
    failed: "stopping",
    idle: "stopping",
    frozen: "stopping",
    busy: "stopping",
    settling: "stopping",
  },
  ended: {
    creating: "gone",
    initializing: "gone",
    restoring: "gone",
    failed: "gone",
    idle: "gone",
    frozen: "gone",
    busy: "gone",
    settling: "gone",
    stopping: "gone",
  },
};

for (const state of states) {
  for (const move of moves) {
    const after = legal[move][state];
    test(`${state} + ${move} → ${after ?? "illegal"}`, () => {
      if (after === undefined) assert.throws(() => next(state, move), IllegalMove);
      else assert.equal(next(state, move), after);
    });
  }
}

test("every state can be reached, and every state but the last can be left", () => {
  const reached = new Set(Object.values(transitions).flatMap((row) => Object.values(row)));
  assert.deepEqual(
    states.filter((state) => !reached.has(state)),
    [],
  );
  assert.deepEqual(
    states.filter((state) => Object.keys(transitions[state]).length === 0),
    ["gone"],
  );
});
