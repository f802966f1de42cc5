import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conversation } from "./conversation.ts";
import { flagRaw, flagReady, frameType, ProtocolError } from "./frames.ts";

const { READY, INIT_ERROR, PREPARED, RESTORE_ERROR, RESPONSE, LOG } = frameType;
const nothing = Buffer.alloc(0);
const message = Buffer.from("\x02logged\n");

/** A runtime that has come to this point and may go on. */
const reached = {
  init: () => new Conversation(),
  ready() {
    const conversation = reached.init();
    conversation.take(READY, 0, 0, nothing);
    return conversation;
  },
  preparing() {
    const conversation = reached.ready();
    conversation.prepare();
    return conversation;
  },
  prepared() {
    const conversation = reached.preparing();
    conversation.take(PREPARED, flagRaw, 0, nothing);
    return conversation;
  },
  "resuming on a new link"() {
    const conversation = reached.init();
    conversation.resume();
    return conversation;
  },
  "resuming where it prepared"() {
    const conversation = reached.prepared();
    conversation.resume();
    return conversation;
  },
  "loading on a new link"() {
    const conversation = reached.init();
    conversation.resume(true);
    return conversation;
  },
  "loading where it prepared"() {
    const conversation = reached.prepared();
    conversation.resume(true);
    return conversation;
  },
  "resuming with an event"() {
    const conversation = reached.init();
    conversation.resume(false, 1);
    return conversation;
  },
  served() {
    const conversation = reached.ready();
    conversation.given(1);
    conversation.take(RESPONSE, flagReady, 1, nothing);
    return conversation;
  },
  "over, as its init failed"() {
    const conversation = reached.preparing();
    conversation.take(INIT_ERROR, 0, 0, nothing);
    return conversation;
  },
  "over, as its restore failed"() {
    const conversation = reached["resuming on a new link"]();
    conversation.take(RESTORE_ERROR, flagRaw, 0, nothing);
    return conversation;
  },
};

type Point = keyof typeof reached;

/** what may be said of the start at each point, but for LOG, which may always */
const legal: Readonly<Record<Point, readonly number[]>> = {
  init: [READY, INIT_ERROR],
  ready: [],
  preparing: [PREPARED, INIT_ERROR],
  prepared: [],
  "resuming on a new link": [READY, RESTORE_ERROR],
  "resuming where it prepared": [READY, RESTORE_ERROR],
  "resuming with an event": [READY, RESTORE_ERROR],
  "loading on a new link": [READY, INIT_ERROR, RESTORE_ERROR],
  "loading where it prepared": [READY, INIT_ERROR, RESTORE_ERROR],
  served: [],
  "over, as its init failed": [],
  "over, as its restore failed": [],
};

describe("Conversation", () => {
  for (const point of Object.keys(legal) as Point[]) {
    test(`a runtime that is ${point} says what it may and nothing else`, () => {
      for (const type of [READY, INIT_ERROR, PREPARED, RESTORE_ERROR]) {
        const say = () => reached[point]().take(type, 0, 0, nothing);
        if (legal[point].includes(type)) say();
        else assert.throws(say, ProtocolError, `type 0x${type.toString(16)}`);
      }
      reached[point]().take(LOG, 0, 0, message);
    });
  }

  test("frames of the start belong to no invocation", () => {
    for (const [point, types] of Object.entries(legal) as [Point, number[]][]) {
      for (const type of types) assert.throws(() => reached[point]().take(type, 0, 1, nothing), ProtocolError);
    }
  });

  test("a prepared runtime and a copy answer no event they have not been given", () => {
    for (const point of ["prepared", "resuming on a new link"] as const) {
      assert.throws(() => reached[point]().take(RESPONSE, flagReady, 0, nothing), ProtocolError);
      assert.throws(() => reached[point]().take(RESPONSE, flagReady, 1, nothing), ProtocolError);
    }
  });

  test("a copy that is ready serves events like any runtime", () => {
    for (const point of ["resuming on a new link", "loading on a new link"] as const) {
      const conversation = reached[point]();
      conversation.take(READY, flagRaw, 0, nothing);
      conversation.given(7);
      conversation.take(RESPONSE, flagReady, 7, nothing);
    }
  });

  test("a copy that was given an event with RESUME answers it once it is ready, and not before", () => {
    const conversation = reached["resuming with an event"]();
    assert.throws(() => conversation.take(RESPONSE, flagReady, 1, nothing), ProtocolError);
    conversation.take(READY, flagRaw, 0, nothing);
    conversation.take(RESPONSE, flagReady, 1, nothing);
    assert.throws(() => conversation.take(RESPONSE, flagReady, 1, nothing), ProtocolError);
    const failed = reached["resuming with an event"]();
    failed.take(RESTORE_ERROR, 0, 0, nothing);
    assert.throws(() => failed.take(RESPONSE, flagReady, 1, nothing), ProtocolError);
  });

  test("the host prepares only who waits for a first event, and resumes only copies", () => {
    for (const point of Object.keys(legal) as Point[]) {
      if (point !== "ready") assert.throws(() => reached[point]().prepare(), /^Error: PREPARE/, point);
      if (point !== "init" && point !== "prepared") {
        assert.throws(() => reached[point]().resume(), /^Error: RESUME/, point);
      }
    }
  });

  test("answers that say the runtime is ready are the only frames with that flag", () => {
    for (const type of [READY, INIT_ERROR]) {
      assert.throws(() => reached.init().take(type, flagReady, 0, nothing), ProtocolError);
    }
    assert.throws(() => reached.preparing().take(PREPARED, flagReady, 0, nothing), ProtocolError);
  });
});

test("hands over what it compiled before it is ready, and no later", () => {
  const conversation = reached.init();
  for (let n = 0; n < 2; n++) conversation.take(frameType.COMPILED, 0, 0, nothing);
  conversation.take(READY, 0, 0, nothing);
  assert.throws(() => conversation.take(frameType.COMPILED, 0, 0, nothing), ProtocolError);
  assert.throws(() => reached.init().take(frameType.COMPILED, 0, 1, nothing), ProtocolError);
  assert.throws(() => reached["loading on a new link"]().take(frameType.COMPILED, 0, 0, nothing), ProtocolError);
});
