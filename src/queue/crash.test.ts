import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "../../tests/properties.ts";
import { ServiceError } from "../model/index.ts";
import { type Bench, epoch, openBench } from "./testing.ts";

/** The platform is killed at any moment, again and again, and every accepted event ends as if nothing had happened. */

const folder = mkdtempSync(join(tmpdir(), "thaw-queue-crash-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const sqs = "arn:aws:sqs:us-east-1:000000000000:ends";
const seconds = 1000;

/** What a function does with its event, try after try. */
type Fate = "fine" | "fails" | "throttled once" | "fails once";
const fates: readonly Fate[] = ["fine", "fails", "throttled once", "fails once"];

const step = fc.oneof(
  fc.record({ kind: fc.constant("send" as const), fate: fc.constantFrom(...fates), name: fc.constantFrom("a", "b") }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 200 * seconds }) }),
  fc.record({ kind: fc.constant("kill" as const) }),
);

test("every accepted event has exactly one kind of end, whenever the platform is killed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      files += 1;
      const path = join(folder, `${files}.sqlite`);
      const tries = new Map<string, number>();
      const ends = new Map<string, Set<string>>();
      const expected = new Map<string, string>();
      let kills = 0;
      const handler = (event: unknown, { requestId }: { requestId: string }) => {
        const tried = (tries.get(requestId) ?? 0) + 1;
        tries.set(requestId, tried);
        const { fate } = event as { fate: Fate };
        if (fate === "throttled once" && tried === 1)
          throw new ServiceError("TooManyRequestsException", "Rate Exceeded.");
        if (fate === "fails" || (fate === "fails once" && tried === 1)) throw new RangeError("no");
        return fate;
      };
      const settings = { onSuccess: sqs, onFailure: sqs };
      const start = (from: number): Bench =>
        openBench({
          path,
          from,
          functions: { a: handler, b: handler },
          settings: { a: settings, b: settings },
          async deliver({ body }) {
            const { requestContext } = JSON.parse(body.toString("utf8"));
            const seen = ends.get(requestContext.requestId) ?? new Set();
            ends.set(requestContext.requestId, seen.add(requestContext.condition));
          },
        });
      let bench = start(epoch);
      for (const one of steps) {
        if (one.kind === "wait") await bench.advance(one.ms);
        else if (one.kind === "send") {
          const requestId = await bench.send(one.name, { fate: one.fate });
          expected.set(requestId, one.fate === "fails" ? "RetriesExhausted" : "Success");
        } else {
          await bench.kill();
          kills += 1;
          bench = start(bench.now());
        }
      }
      await bench.advance(1200 * seconds);
      assert.equal(bench.queue.waiting(), 0);
      assert.deepEqual(bench.reported, []);
      for (const [requestId, condition] of expected) {
        assert.deepEqual([...(ends.get(requestId) ?? [])], [condition]);
        assert.ok((tries.get(requestId) ?? 0) <= 3 + kills, "no more tries than attempts and kills");
      }
      await bench.close();
    }),
    { numRuns: 15 },
  );
});
