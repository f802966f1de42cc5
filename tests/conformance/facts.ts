import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { type Door, openDoor, type Powers, type Run, role } from "./door.ts";

/**
 * A fact about Lambda that a client can see, and where it is written down.
 *
 * Sources are named by a word: `api` the API Reference of the operation, `guide` a page of the Developer Guide, `model` the
 * public service model, `seen` an answer of Lambda recorded in public (an issue, an example, another project's tests against
 * AWS); `guess` is what is most likely where nothing is written.
 */
export interface Fact {
  readonly fact: string;
  readonly source: string;
  readonly holds: (lambda: Lambda) => Promise<void>;
}

export interface Lambda {
  readonly door: Door;
  readonly client: LambdaClient;
  /** of another account or region */
  clientOf(accessKeyId: string, region?: string): LambdaClient;
  /** A request as it is, for what no client lets through. */
  raw(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: Answer }>;
}

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
export type Answer = any;

export const arnOf = (name: string): string => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;

/** Each fact is a test of its own, over one door for all of them. */
export function testFacts(facts: readonly Fact[], run?: Run, powers?: Powers): void {
  let door: Door;
  const clients: LambdaClient[] = [];

  const clientOf = (accessKeyId: string, region = "us-east-1") => {
    const client = new LambdaClient({
      endpoint: door.endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey: "test" },
      maxAttempts: 1,
    });
    clients.push(client);
    return client;
  };
  let client: LambdaClient;

  before(async () => {
    door = await openDoor(run, undefined, powers);
    client = clientOf("test");
  });
  after(async () => {
    for (const one of clients) one.destroy();
    await door[Symbol.asyncDispose]();
    assert.deepEqual(door.reported, [], "no fact may be a failure of our own");
  });

  for (const { fact, source, holds } of facts) {
    test(`${fact} [${source}]`, () => holds({ door, client, clientOf, raw: (...request) => raw(door, ...request) }));
  }
}

async function raw(door: Door, method: string, path: string, body?: unknown) {
  const answer = await fetch(`${door.endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** The request is refused with this code and text. */
export async function refused(request: Promise<unknown>, code: string, text?: string | RegExp): Promise<void> {
  await assert.rejects(request, (error: Error) => {
    assert.equal(error.name, code, error.message);
    if (typeof text === "string") assert.equal(error.message, text);
    if (text instanceof RegExp) assert.match(error.message, text);
    return true;
  });
}

export { role };
