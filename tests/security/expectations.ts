import assert from "node:assert/strict";
import type { Answer } from "./client.ts";

/** How a call of a bad function must come out. */
export interface Expected {
  /** undefined: it succeeds */
  readonly errorType?: string;
  readonly message?: RegExp;
  /** the fields at the end of REPORT; none by default */
  readonly status?: string;
  /** in the log's tail */
  readonly log?: RegExp;
  readonly body?: unknown;
}

/** A function's failure as Lambda tells it: status 200, FunctionError, the document, the log. */
export function check(answer: Answer, expected: Expected): void {
  const { requestId, body, log } = answer;
  assert.equal(answer.status, 200, answer.text);
  if (expected.errorType === undefined) {
    assert.equal(answer.functionError, undefined, answer.text);
    if (expected.body !== undefined) assert.deepEqual(body, expected.body);
  } else {
    assert.equal(answer.functionError, "Unhandled", answer.text);
    assert.equal(body.errorType, expected.errorType, answer.text);
  }
  const message = body?.errorMessage?.replaceAll(requestId, "ID");
  if (expected.message) assert.match(message, expected.message);
  if (expected.log) assert.match(log.replaceAll(requestId, "ID"), expected.log);
  const report = log.trimEnd().split("\n").at(-1)!;
  const fields = report.split("\t");
  assert.equal(fields[0], `REPORT RequestId: ${requestId}`, log);
  assert.match(
    report,
    /\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: \d+ MB\tMax Memory Used: \d+ MB/,
  );
  const status = fields.slice(5).filter((field) => !/^(Init|Restore|Billed Restore) Duration: /.test(field));
  assert.equal(status.join("\t"), expected.status ?? "", report);
  assert.equal(log.split(`END RequestId: ${requestId}\n`).length, 2, log);
}
