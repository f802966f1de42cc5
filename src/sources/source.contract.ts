import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../tests/e2e/streams.ts";
import { ServiceError } from "../model/index.ts";
import type { MappingRecord, SourceKind } from "../registry/index.ts";
import { createCalls, createRemote, type Place } from "../remote/index.ts";
import { createCounters } from "./counters.ts";
import type { Invoked, Source, SourceNeeds } from "./source.ts";

/** One queue, stream or topic of a real server, empty. */
export interface SourceFixture {
  readonly kind: SourceKind;
  readonly source: Source;
  /** of its mapping */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly place: Place;
  send(body: string): Promise<void>;
  /** what every secret holds that the mapping names */
  readonly secret?: Readonly<Record<string, string>>;
  /** the records of an event; left out: its `Records` */
  recordsOf?(event: Readonly<Record<string, unknown>>): Record<string, unknown>[];
  /** where nobody is, as the kind of source names it; left out: a URL of HTTP */
  readonly nowhere?: string;
  /** the body that was sent, of a record as functions get it */
  bodyOf(record: Readonly<Record<string, unknown>>): string;
}

type Handler = (bodies: readonly string[]) => void | Promise<void>;

/** What a function and the rest of the house are for a source: everything that is told is kept. */
export function houseOf(fixture: SourceFixture) {
  const remote = createRemote();
  const counters = createCounters();
  const kept = new Map<string, string>();
  const seen: string[][] = [];
  const givenUp: string[] = [];
  const done = new Set<string>();
  const problems: (string | undefined)[] = [];
  const reports: unknown[] = [];
  let place = fixture.place;
  let handler: Handler = () => {};
  let fails: (bodies: readonly string[]) => boolean = () => false;
  let wants: (body: string) => boolean = () => true;
  const mapping: MappingRecord = {
    account: "000000000000",
    region: "us-east-1",
    name: "us-east-1 1",
    uuid: "1",
    source: fixture.kind,
    functionName: "f",
    enabled: true,
    lastModified: 0,
    settings: fixture.settings,
    tags: {},
  };
  const needs: SourceNeeds = {
    mapping,
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
    roleArn: () => "arn:aws:iam::000000000000:role/r",
    clock: Date.now,
    calls: (service) =>
      service.service === "secretsmanager"
        ? async () => ({ SecretString: JSON.stringify(fixture.secret) })
        : createCalls(remote, service, "us-east-1", () => place),
    place: () => place,
    send: remote.send,
    checkpoints: {
      all: () => kept,
      async write(changes) {
        for (const [key, value] of changes) {
          if (value === undefined) kept.delete(key);
          else kept.set(key, value);
        }
      },
    },
    wants: (item) => wants(fixture.bodyOf(item)),
    async invoke(payload): Promise<Invoked> {
      const event = JSON.parse(payload.toString("utf8"));
      const records = fixture.recordsOf?.(event) ?? (event.Records as Record<string, unknown>[]);
      const bodies = records.map(fixture.bodyOf);
      await handler(bodies);
      seen.push(bodies);
      if (fails(bodies)) {
        return { requestId: "1", executedVersion: "1", functionError: "Unhandled", payload: Buffer.from("{}") };
      }
      for (const body of bodies) done.add(body);
      return { requestId: "1", executedVersion: "$LATEST", payload: Buffer.from("null") };
    },
    async giveUp(lost) {
      const event = JSON.parse(lost.payload());
      givenUp.push(...(fixture.recordsOf?.(event) ?? (event.Records as Record<string, unknown>[])).map(fixture.bodyOf));
    },
    count: counters.add,
    iteratorAge() {},
    offsetLag() {},
    result() {},
    problem: (text) => problems.push(text),
    report: (error) => reports.push(error),
  };
  let stop = new AbortController();
  let reading: Promise<void> | undefined;
  return {
    counts: counters.counts,
    problems,
    reports,
    seen,
    known: () => new Set(seen.flat()),
    /** of batches that did not fail */
    done: () => done,
    /** of batches that were given up */
    lost: () => givenUp,
    handle(next: Handler) {
      handler = next;
    },
    /** The function fails with these bodies. */
    fail(next: typeof fails) {
      fails = next;
    },
    want(next: (body: string) => boolean) {
      wants = next;
    },
    at(next: Place) {
      place = next;
    },
    start() {
      stop = new AbortController();
      reading = fixture.source(needs, stop.signal);
    },
    async stop() {
      stop.abort();
      await reading;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
      remote.close();
    },
  };
}

const throttled = () => new ServiceError("TooManyRequestsException", "Rate Exceeded.");

/** What every source must do, whatever it reads from. `make`: a source of its own for each test, with nothing in it. */
export function sourceContract(name: string, make: () => Promise<SourceFixture>): void {
  test(`${name}: what is sent reaches the function, and is counted`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    house.start();
    for (const body of ["1", "2", "3"]) await fixture.send(body);
    await until(() => house.known().size === 3, house.known);
    await until(() => house.counts.InvokedEventCount >= 3);
    assert.equal(house.counts.PolledEventCount, 3);
    assert.equal(house.counts.FilteredOutEventCount, 0);
    assert.deepEqual(house.reports, []);
  });

  test(`${name}: what is not wanted is passed over`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    house.want((body) => body !== "2");
    house.start();
    for (const body of ["1", "2", "3"]) await fixture.send(body);
    await until(() => house.known().size === 2 && house.counts.FilteredOutEventCount === 1, house.known);
    assert.deepEqual(house.known(), new Set(["1", "3"]));
  });

  test(`${name}: a function that has no place now gets what it was to get later`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    let refusals = 0;
    house.handle(() => {
      if (refusals++ < 2) throw throttled();
    });
    house.start();
    for (const body of ["1", "2"]) await fixture.send(body);
    await until(() => house.known().size === 2, house.known);
    assert.ok(refusals > 2);
    assert.deepEqual(house.reports, []);
  });

  test(`${name}: what was not done when the reader ended, the next one does`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    house.handle(() => {
      throw throttled();
    });
    house.start();
    for (const body of ["1", "2", "3"]) await fixture.send(body);
    await until(() => house.counts.PolledEventCount > 0);
    await house.stop();
    assert.deepEqual(house.seen, []);
    house.handle(() => {});
    house.start();
    await until(() => house.known().size === 3, house.known);
    // What was done is not done again by a third one.
    await house.stop();
    const times = house.seen.flat().length;
    house.start();
    await fixture.send("4");
    await until(() => house.known().has("4"), house.known);
    assert.equal(house.seen.flat().length, times + 1);
  });

  test(`${name}: the end waits for what runs`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    house.handle(() => {
      begun.resolve();
      return over.promise;
    });
    house.start();
    await fixture.send("1");
    await begun.promise;
    const stopped = house.stop();
    over.resolve();
    await stopped;
    assert.deepEqual(house.seen, [["1"]]);
    house.start();
    house.handle(() => {});
    await fixture.send("2");
    await until(() => house.known().has("2"), house.known);
    assert.deepEqual(house.seen, [["1"], ["2"]]);
  });

  test(`${name}: a server that nobody reaches is a problem that is told, until it is over`, async () => {
    const fixture = await make();
    await using house = houseOf(fixture);
    house.at({ ...fixture.place, url: fixture.nowhere ?? "http://127.0.0.1:9" });
    house.start();
    await until(
      () => /ECONNREFUSED/.test(house.problems.at(-1) ?? ""),
      () => house.problems,
    );
    house.at(fixture.place);
    await fixture.send("1");
    await until(
      () => house.known().has("1"),
      () => house.problems,
    );
    assert.equal(house.problems.at(-1), undefined);
    assert.deepEqual(house.reports, []);
  });
}
