import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requestId } from "./harness.ts";
import { nodes } from "./nodejs.ts";

for (const node of nodes) {
  const { runtime, skip, running, answerOf } = node;

  describe(`${runtime}: streaming`, { skip, concurrency: 2 }, () => {
    it("sends every chunk as it is written", async () => {
      const code = `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
          stream.setContentType("text/plain");
          stream.write("one,");
          stream.write(Buffer.from("two,"));
          stream.write({ three: 3 });
          await new Promise((resolve) => setTimeout(resolve, 1));
          stream.end(context.awsRequestId);
        })`;
      const answer = await answerOf(code);
      assert.equal(answer.type, "RESPONSE_END");
      assert.equal(answer.ready, true);
      assert.equal(answer.contentType, "text/plain");
      assert.equal(answer.body.toString(), `one,two,{"three":3}${requestId}`);
    });

    it("puts HTTP metadata and eight NUL bytes before the body, even of an empty one", async () => {
      const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
          if (event.body) stream.write(event.body);
          stream.end();
        })`;
      await running(code, async (f) => {
        const full = await f.invoke({ body: "hello" });
        assert.equal(full.contentType, "application/vnd.awslambda.http-integration-response");
        assert.equal(full.body.toString(), '{"statusCode":201}\0\0\0\0\0\0\0\0hello');
        assert.equal((await f.invoke({})).body.toString(), '{"statusCode":201}\0\0\0\0\0\0\0\0');
      });
    });

    it("works with pipeline and is served again", async () => {
      const code = `const { pipeline } = require("stream/promises"); const { Readable } = require("stream");
        exports.handler = awslambda.streamifyResponse(async (e, stream) => {
          await pipeline(Readable.from(["a", "b", "c".repeat(200_000)]), stream);
        })`;
      await running(code, async (f) => {
        for (let round = 0; round < 2; round++) {
          const answer = await f.invoke({});
          assert.equal(answer.contentType, "application/octet-stream");
          assert.equal(answer.body.length, 200_002);
        }
      });
    });

    it("reports a failure midway at the end of the stream, and one before it as any other", async () => {
      const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          if (event.begin) stream.write("begun");
          throw new TypeError("midway");
        })`;
      await running(code, async (f) => {
        const midway = await f.invoke({ begin: true });
        assert.deepEqual([midway.type, midway.failure?.type], ["RESPONSE_END", "TypeError"]);
        assert.equal(midway.body.toString(), "begun");
        assert.match(midway.logs[0]!, /Invoke Error/);
        const early = await f.invoke({});
        assert.deepEqual([early.type, early.failure?.type], ["ERROR", "TypeError"]);
      });
    });

    it("refuses a handler that is not async and a stream that is never ended", async () => {
      const sync = await answerOf("exports.handler = awslambda.streamifyResponse((e, s) => { s.end() })");
      assert.match(sync.failure?.document.errorMessage, /does not support non-async handlers/);
      const open = await answerOf("exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write('x') })");
      assert.equal(open.failure?.document.errorMessage, "Response stream is not finished.");
    });

    it("refuses to change the content type once something was written", async () => {
      const code = `exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write("x"); s.setContentType("text/html") })`;
      assert.equal((await answerOf(code)).failure?.type, "Runtime.InvalidStreamingOperation");
    });
  });
}
