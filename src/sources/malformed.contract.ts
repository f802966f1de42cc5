import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../tests/e2e/streams.ts";
import { createFilter } from "./filtering.ts";
import { houseOf, type SourceFixture } from "./source.contract.ts";

export interface MalformedFixture extends SourceFixture {
  /** Sends these and resolves with those that the server took: some refuse what is empty. */
  sendAll(bodies: readonly Buffer[]): Promise<readonly Buffer[]>;
  /** what bodyOf() gives for a body that was sent */
  keyOf(body: Buffer): string;
  /** the name of the data in patterns */
  readonly dataField: string;
  /** what the server itself has put aside, as keys; left out: the source tells on-failure destinations */
  dead?(): Promise<readonly string[]>;
}

/** How many: THAW_TEST_MALFORMED, or 10,000 in the long form, or a few. */
export const malformedCount = Number(
  process.env.THAW_TEST_MALFORMED ?? (process.env.THAW_TEST_SLOW === "1" ? 10_000 : 120),
);

const poison = "poison";

/** Bodies that no function and no filter is glad of; every one of ninety-seven makes its function fail. */
function* bodies(count: number): Generator<Buffer> {
  const kinds: readonly ((index: number) => string | Buffer)[] = [
    (index) => `{"open": [1, 2, #${index}`,
    (index) => Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80, index & 0xff, (index >> 8) & 0xff]),
    () => "",
    (index) => `${"[".repeat(5000)}${index}`,
    (index) => `${'{"a":'.repeat(2000)}${index}${"}".repeat(2000)}`,
    (index) => `"\\ud800 ${index}`,
    (index) => `\u0001\u0000\ufeff${index}`,
    (index) => `{"__proto__":{"body":1},"constructor":{"prototype":${index}},"toString":null}`,
    (index) => `[1e999,-0,${"9".repeat(400)},${index}]`,
    (index) => `</script>\u2028\u2029"'\\\r\n${index}`,
  ];
  for (let index = 0; index < count; index += 1) {
    if (index % 97 === 13) yield Buffer.from(`${poison} ${index}`);
    else if (index % 499 === 100) yield Buffer.from(`${index} ${"x".repeat(150_000)}`);
    else yield Buffer.from(kinds[index % kinds.length]!(index));
  }
}

/**
 * Whatever is sent reaches the function or, if that fails with it, the place for what is given up; nothing stands still. `make`: a
 * source of its own, whose mapping gives up after few attempts.
 */
export function malformedContract(name: string, make: () => Promise<MalformedFixture>): void {
  test(`${name}: of ${malformedCount} malformed messages none is lost, and those that poison a batch are put aside`, async (context) => {
    const fixture = await make();
    const { dataField } = fixture;
    const Filters = [{ a: [1] }, { a: { b: [{ exists: true }] } }, { toString: [null] }].map((pattern) => ({
      Pattern: JSON.stringify({ [dataField]: pattern }),
    }));
    const filter = createFilter(fixture.kind, { FilterCriteria: { Filters } });
    await using house = houseOf({
      ...fixture,
      bodyOf(item) {
        // Whatever it says: it must not fail.
        filter(item);
        return fixture.bodyOf(item);
      },
    });
    const keyOfPoison = fixture.keyOf(Buffer.from(poison)).slice(0, 6);
    const isPoison = (key: string) => key.startsWith(keyOfPoison);
    house.fail((keys) => keys.some(isPoison));
    const sent = (await fixture.sendAll([...bodies(malformedCount)])).map(fixture.keyOf);
    house.start();
    const dead = async () => new Set(fixture.dead === undefined ? house.lost() : await fixture.dead());
    const missing = async () => {
      const [done, aside] = [house.done(), await dead()];
      return sent.filter((key) => (isPoison(key) ? !aside.has(key) : !done.has(key) && !aside.has(key)));
    };
    let left: readonly string[] = sent;
    await until(
      async () => {
        left = await missing();
        if (left.length > 0) await pause(malformedCount / 20);
        return left.length === 0;
      },
      () => [left.length, left.slice(0, 3).map((key) => key.slice(0, 80)), house.problems.at(-1), house.counts],
      120 + malformedCount / 20,
    );
    assert.deepEqual(house.reports, []);
    const aside = [...(await dead())].filter((key) => !isPoison(key)).length;
    const refused = malformedCount - sent.length;
    context.diagnostic(`${sent.length} sent, ${refused} refused, ${aside} put aside with others that were poison`);
  });
}
