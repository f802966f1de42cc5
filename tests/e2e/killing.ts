import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Server, startServer } from "./server.ts";
import { startRecorder, tell, until } from "./streams.ts";

/** Who sends events of one source, each a text `source lane number`. */
export interface Sender {
  /**
   * Sends the events of one number, which is greater than all before it, and resolves with those that were accepted. Rejects when
   * nobody knows: such events may come or not.
   */
  send(number: number): Promise<readonly string[]>;
  close?(): void | Promise<void>;
}

export interface Killing {
  /** how often the platform is killed */
  readonly kills: number;
  /** of the platform */
  readonly env?: Readonly<Record<string, string>>;
  /** Makes functions, sources and mappings; once. */
  prepare(server: Server): Promise<void>;
  /** Who sends while this process of the platform lives. */
  connect(server: Server): Promise<readonly Sender[]> | readonly Sender[];
  /** Something else is broken, before a kill; rounds count from 0. */
  trouble?(round: number): Promise<void>;
  /** Must the events of this lane begin in the order of their numbers? */
  inOrder(source: string, lane: string): boolean;
  /** events that must be accepted between two kills; left out: 40 */
  readonly eachRound?: number;
}

/** For how often the platform is killed: THAW_TEST_KILLS, or a few times. */
export const killsOr = (few: number): number => Number(process.env.THAW_TEST_KILLS ?? few);

/** A function's code that tells the recorder its events. `namesOf`: JavaScript, a function of the event that gives their texts */
export const telling = (namesOf: string) => ({
  "index.js": `${tell}
    const namesOf = ${namesOf};
    exports.handler = async (event) => tell(namesOf(event));`,
});

/** The ARN of a secret with a user's name and password, which it makes. */
export async function secretIn({ endpoint }: Server, username: string, password: string): Promise<string> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const secrets = new SecretsManagerClient({ endpoint, region: "us-east-1", credentials });
  const SecretString = JSON.stringify({ username, password });
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: `of-${username}`, SecretString }));
  secrets.destroy();
  return ARN!;
}

/**
 * Kills the platform at random points while events come, and starts it again. Every event that was accepted must have reached its
 * function in the end, and those of ordered lanes must have begun in order. What came again is counted and printed.
 */
export async function surviveKills(context: TestContext, killing: Killing): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-killed-"));
  await using recorder = await startRecorder();
  const env = { ...recorder.env, THAW_UPSTREAM: "", ...killing.env };
  const start = () => startServer({ dataDir, env });
  const accepted: string[] = [];
  const refusals: string[] = [];
  let server: Server = await start();
  let senders: readonly Sender[] = [];
  let next = 0;
  let sending = true;

  async function load(index: number): Promise<void> {
    while (sending) {
      try {
        accepted.push(...(await senders[index]!.send(next++)));
      } catch (error) {
        refusals.push(String(error));
        await pause(50);
      }
      await pause(5);
    }
  }

  const loads: Promise<void>[] = [];
  const connect = async () => {
    const before = senders;
    senders = await killing.connect(server);
    for (const sender of before) if (!senders.includes(sender)) await sender.close?.();
  };
  try {
    await killing.prepare(server);
    await connect();
    loads.push(...senders.map((_, index) => load(index)));
    for (let round = 0; round < killing.kills; round += 1) {
      const enough = accepted.length + (killing.eachRound ?? 40);
      // A round in which nothing arrives would prove nothing.
      const told = recorder.seen.length;
      await until(
        () => accepted.length > enough && recorder.seen.length > told,
        async () => [refusals.slice(-5), await problemsOf(server)],
      );
      await killing.trouble?.(round);
      await pause(Math.random() * 700);
      await server.kill();
      server = await start();
      await connect();
    }
    sending = false;
    await Promise.all(loads);
    const seen = () => new Set<string>(recorder.seen.flat());
    const missing = () => {
      const known = seen();
      return accepted.filter((name) => !known.has(name));
    };
    await until(
      () => missing().length === 0,
      async () => [missing().length, missing().slice(0, 5), await problemsOf(server)],
    );
    const firsts = [...seen()];
    for (const [lane, numbers] of lanesOf(firsts, killing)) assert.deepEqual(numbers, numbers.toSorted(byNumber), lane);
    for (const source of new Set(firsts.map((name) => name.split(" ")[0]!))) {
      const of = (names: readonly string[]) => names.filter((name) => name.startsWith(`${source} `)).length;
      const again = of(recorder.seen.flat()) - of(firsts);
      context.diagnostic(`${source}: ${of(accepted)} accepted, ${killing.kills} kills, none lost, ${again} came again`);
    }
  } finally {
    sending = false;
    await Promise.all(loads);
    for (const sender of senders) await sender.close?.();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the platform says of its mappings. */
export async function problemsOf({ endpoint }: Server): Promise<unknown> {
  return ((await (await fetch(`${endpoint}/_thaw/info`)).json()) as { sources?: unknown }).sources;
}

const byNumber = (one: number, other: number) => one - other;

/** The numbers of ordered lanes, in the order in which they were first seen. */
function lanesOf(names: readonly string[], { inOrder }: Killing): Map<string, number[]> {
  const lanes = new Map<string, number[]>();
  for (const name of names) {
    const [source = "", lane = "", number] = name.split(" ");
    if (!inOrder(source, lane)) continue;
    const key = `${source} ${lane}`;
    lanes.set(key, [...(lanes.get(key) ?? []), Number(number)]);
  }
  return lanes;
}
