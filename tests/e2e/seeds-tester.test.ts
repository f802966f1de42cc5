import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pythonWithBoto3, runClient } from "./clients.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { startServer } from "./server.ts";

/** What /_thaw/invocations tells of one invocation. */
interface Row {
  readonly errorType?: string;
  readonly timing: { readonly start: string; readonly total: number; readonly codeInit: number };
}

/** The script prints its analyses as Python writes dictionaries. */
function analysis(stdout: string, title: string): Record<string, number | string> {
  const line = stdout.split("\n").find((each) => each.startsWith(`${title} results: `));
  assert.ok(line, `no "${title} results" in:\n${stdout}`);
  return JSON.parse(line.slice(`${title} results: `.length).replaceAll("'", '"'));
}

test("the document's performance tester runs unmodified: ten forced cold starts, a hundred warm invocations", async (t) => {
  const python = await pythonWithBoto3().catch((error: Error) => error);
  if (python instanceof Error) return t.skip(`no Python with boto3: ${python.message}`);
  await using server = await startServer();
  const client = lambdaOf(server);
  await createFunction(client, "my-performance-function", {
    code: { "index.js": `exports.handler = async () => ({ forced: process.env.FORCE_COLD_START ?? null });` },
  });
  client.destroy();

  // It sleeps seven seconds ten times.
  const script = join(import.meta.dirname, "fixtures", "performance_tester.py");
  const env = { ...server.env, ...python.env, PYTHONUNBUFFERED: "1" };
  // boto3 raises for every status that is no success, so an exit code of 0 says that each was 200.
  const { code, stdout, stderr } = await runClient(python.program, [script], env);
  assert.equal(code, 0, stderr);

  const cold = analysis(stdout, "Cold start");
  const warm = analysis(stdout, "Warm invocation");
  assert.deepEqual([cold.test_type, cold.count], ["cold_start", 10]);
  assert.deepEqual([warm.test_type, warm.count], ["warm_invocation", 100]);
  for (const { test_type, count, ...figures } of [cold, warm]) {
    assert.deepEqual(Object.keys(figures), ["mean", "median", "min", "max", "std_dev", "p95", "p99"]);
    for (const [name, value] of Object.entries(figures)) assert.ok(Number(value) > 0, `${test_type} ${name}: ${value}`);
    assert.ok(Number(figures.min) <= Number(figures.median) && Number(figures.median) <= Number(figures.max));
  }
  assert.equal(stdout.match(/^Cold start \d+: [\d.]+ms$/gm)?.length, 10);
  assert.equal(stdout.match(/^Warm invocation: [\d.]+ms$/gm)?.length, 100);

  const address = `${server.endpoint}/_thaw/invocations?function=my-performance-function&limit=1000`;
  const { invocations } = (await (await fetch(address)).json()) as { invocations: Row[] };
  const rows = invocations.reverse();
  assert.equal(rows.length, 111);
  assert.deepEqual(
    rows.filter(({ errorType }) => errorType),
    [],
  );
  const starts = rows.map(({ timing }) => timing.start);
  // Every configuration makes an environment of its own; the eleventh invocation finds the tenth's.
  assert.deepEqual(
    starts.slice(0, 11).map((start) => start === "warm"),
    [...Array(10).fill(false), true],
    starts.join(),
  );
  // Of the hundred, ten at once, no more than nine can need an environment that was not there.
  const late = starts.slice(11).filter((start) => start !== "warm").length;
  assert.ok(late <= 9, `${late} of the warm invocations were cold`);
  t.diagnostic(`cold p50 ${Number(cold.median).toFixed(1)} ms, warm p50 ${Number(warm.median).toFixed(1)} ms`);
});
