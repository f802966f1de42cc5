import assert from "node:assert/strict";
import { test } from "node:test";
import { flagReady, frameType, ProtocolError } from "./frames.ts";
import { SharedConversation } from "./shared-conversation.ts";
import { openRig } from "./testing.ts";

const none = Buffer.alloc(0);

test("on a shared link each stream is answered once, in any order", () => {
  const talk = new SharedConversation();
  talk.take(frameType.READY, 0, 0, none);
  for (const stream of [1, 2, 3]) talk.given(stream);
  talk.take(frameType.RESPONSE, flagReady, 2, none);
  talk.take(frameType.RESPONSE_START, 0, 3, none);
  talk.take(frameType.ERROR, flagReady, 1, none);
  talk.take(frameType.CHUNK, 0, 3, none);
  talk.take(frameType.RESPONSE_END, flagReady, 3, none);
  for (const stream of [1, 2, 3, 4]) {
    assert.throws(() => talk.take(frameType.RESPONSE, flagReady, stream, none), ProtocolError);
  }
});

test("what a runtime may not say on a shared link breaks it", () => {
  const spoken = () => {
    const talk = new SharedConversation();
    talk.take(frameType.READY, 0, 0, none);
    talk.given(1);
    return talk;
  };
  const wrong: readonly [type: number, flags: number, stream: number, payload: Buffer][] = [
    [frameType.READY, 0, 0, none],
    [frameType.RESPONSE, 0, 1, none],
    [frameType.CHUNK, 0, 1, none],
    [frameType.RESPONSE_END, flagReady, 1, none],
    [frameType.RESPONSE, 0x40, 1, none],
    [frameType.LOG, 0, 1, Buffer.of(0)],
    [frameType.PREPARED, 0, 0, none],
    [0x7f, 0, 1, none],
  ];
  for (const said of wrong) assert.throws(() => spoken().take(...said), ProtocolError, said.join());
});

test("a version on a capacity provider starts plainly, runs several events at once and is not frozen", async () => {
  await using rig = await openRig();
  const source = `let here = 0, meet = Promise.withResolvers();
exports.handler = async (event) => { if (++here === 3) meet.resolve(); await meet.promise; return event.n; };`;
  const managed = { providerArn: "p", concurrency: 3, cpus: 1, minEnvironments: 0, maxEnvironments: 1 };
  const target = rig.version(source, { managed, logFormat: "JSON" });
  const answers = await Promise.all([1, 2, 3].map((n) => rig.call(target, { n })));
  assert.deepEqual(
    answers.map(({ answer }) => answer),
    [1, 2, 3],
  );
  assert.deepEqual(answers.map(({ start }) => start).sort(), ["plain", "warm", "warm"]);
  await new Promise((go) => setTimeout(go, 150));
  assert.deepEqual(
    rig.environments.list().map((each) => [each.state, each.invocations]),
    [["idle", 3]],
  );
  assert.equal((await rig.call(target, { n: 4 })).answer, 4);
});
