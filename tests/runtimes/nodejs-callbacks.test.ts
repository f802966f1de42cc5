import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nodes } from "./nodejs.ts";

for (const node of nodes) {
  const { runtime, skip, running, answerOf, failedInit, modern } = node;

  describe(`${runtime}: callbacks`, { skip, concurrency: 2 }, () => {
    it(`${modern ? "are refused" : "answer once the event loop is empty"}`, async () => {
      const code = `exports.handler = (e, c, callback) => {
        callback(null, "answer");
        callback(null, "second");
        setTimeout(() => console.log("still running"), 20);
      }`;
      if (modern) {
        const answer = await failedInit(code);
        assert.equal(answer.failure?.type, "Runtime.CallbackHandlerDeprecated");
        assert.match(answer.failure?.document.errorMessage, /has removed support for callback-based function handlers/);
        return;
      }
      const answer = await answerOf(code);
      assert.equal(answer.body.toString(), '"answer"');
      assert.match(answer.logs[0]!, /still running/);
    });

    if (modern) {
      it("a value returned without a promise is the answer", async () => {
        assert.equal((await answerOf("exports.handler = () => 'now'")).body.toString(), '"now"');
        assert.equal((await answerOf("exports.handler = (e, c) => typeof c.done")).body.toString(), '"undefined"');
      });
      return;
    }

    it("answer at once when told not to wait, and what is left runs with the next event", async () => {
      const code = `exports.handler = (e, c, callback) => {
        c.callbackWaitsForEmptyEventLoop = false;
        if (e.first) setImmediate(() => setImmediate(() => setTimeout(() => console.log("left over"), 0)));
        if (e.first) callback(null, 1);
        else setTimeout(() => callback(null, 2), 50);
      }`;
      await running(code, async (f) => {
        assert.deepEqual((await f.invoke({ first: true })).logs, []);
        const second = await f.invoke({});
        assert.equal(second.body.toString(), "2");
        assert.match(second.logs[0]!, /left over/);
      });
    });

    it("report an error", async () => {
      const answer = await answerOf("exports.handler = (e, c, callback) => callback(new TypeError('no'))");
      assert.equal(answer.failure?.type, "TypeError");
      assert.match(answer.logs[0]!, /Invoke Error/);
    });

    it("may be left uncalled: the answer is null, whatever was returned", async () => {
      assert.equal((await answerOf("exports.handler = () => 'ignored'")).body.toString(), "null");
    });

    it("may be replaced by context.done, succeed and fail", async () => {
      const code = "exports.handler = (e, c) => c[e.how](...e.with)";
      await running(code, async (f) => {
        assert.equal((await f.invoke({ how: "succeed", with: [1] })).body.toString(), "1");
        assert.equal((await f.invoke({ how: "done", with: [null, 2] })).body.toString(), "2");
        assert.equal((await f.invoke({ how: "done", with: ["bad"] })).failure?.document.errorMessage, "bad");
        assert.equal((await f.invoke({ how: "fail", with: [] })).failure?.document.errorMessage, "handled");
      });
    });

    it("called for an invocation that is over change nothing", async () => {
      const code = `let old;
        exports.handler = (e, c, callback) => {
          c.callbackWaitsForEmptyEventLoop = false;
          if (old) old(null, "late");
          old ??= callback;
          setTimeout(() => c.succeed(e.n), 1);
        }`;
      await running(code, async (f) => {
        assert.equal((await f.invoke({ n: 1 })).body.toString(), "1");
        assert.equal((await f.invoke({ n: 2 })).body.toString(), "2");
      });
    });
  });
}
