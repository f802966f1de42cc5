import assert from "node:assert/strict";
import { test } from "node:test";
import { later } from "./later.ts";

interface Room {
  list(): string[];
  add(name: string): void;
  close(): void;
}

function house(options: { owes?: boolean; kept?: readonly (keyof Room)[] } = {}) {
  const happened: string[] = [];
  const { room, begin } = later<Room>({
    make() {
      happened.push("made");
      const names: string[] = [];
      return {
        list: () => names,
        add: (name) => names.push(name),
        close: () => happened.push("closed"),
      };
    },
    owes: () => options.owes ?? false,
    begin: (_room, owed) => happened.push(owed ? "begun, owing" : "begun"),
    unmade: { list: () => ["nobody"], close() {} },
    kept: options.kept ?? [],
  });
  return { room, begin, happened };
}

test("a room that nobody needs is never made, and says what there is without it", () => {
  const { room, begin, happened } = house();
  begin();
  assert.deepEqual(room.list(), ["nobody"]);
  room.close();
  assert.deepEqual(happened, []);
});

test("the first that needs it makes it, and it begins its work", () => {
  const { room, begin, happened } = house();
  begin();
  room.add("somebody");
  assert.deepEqual(room.list(), ["somebody"]);
  room.close();
  assert.deepEqual(happened, ["made", "begun", "closed"]);
});

test("a room that has something to take up is made at once, and takes it up when the platform is ready", () => {
  const { room, begin, happened } = house({ owes: true });
  assert.deepEqual(happened, ["made"]);
  begin();
  assert.deepEqual(happened, ["made", "begun, owing"]);
  assert.deepEqual(room.list(), []);
});

test("who needs it before the platform is ready makes it, and its work begins then, once", () => {
  const { room, begin, happened } = house();
  room.add("early");
  assert.deepEqual(happened, ["made"]);
  begin();
  assert.deepEqual(happened, ["made", "begun"]);
});

test("a method that somebody kept answers for the room as soon as that is there", () => {
  const { room, begin, happened } = house({ kept: ["add"] });
  const { add, list } = room;
  begin();
  assert.deepEqual(happened, []);
  assert.deepEqual(list(), ["nobody"]);
  add("somebody");
  assert.deepEqual(list(), ["somebody"]);
});
