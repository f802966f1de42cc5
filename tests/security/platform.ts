import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type Server, type ServerOptions, startServer } from "../e2e/server.ts";
import { Client } from "./client.ts";
import { type Traces, tracesOf, until } from "./traces.ts";

/** A real platform with a well-behaved function beside whatever the tests do, and a picture of it from before. */
export interface Platform extends AsyncDisposable {
  readonly server: Server;
  readonly client: Client;
  /**
   * Runs `body` while the well-behaved function is called without a pause. Every call must be answered rightly.
   */
  undisturbed<T>(body: () => Promise<T>): Promise<T>;
  /** Deletes the functions of these names and waits until nothing of them is left. */
  nothingLeft(...names: string[]): Promise<void>;
}

const bystander = "bystander";

export async function startPlatform(options: ServerOptions = {}): Promise<Platform> {
  const server = await startServer(options);
  const client = new Client(server.endpoint);
  await client.deploy(bystander, "exports.handler = async (event) => event.n;", { timeout: 60 });
  await client.invoke(bystander, { n: 0 });
  const before = await settled(server);

  return {
    server,
    client,
    async undisturbed(body) {
      let over = false;
      const calls = (async () => {
        for (let n = 0; !over; n++) {
          const answer = await client.invoke(bystander, { n });
          assert.equal(answer.text, String(n), "another function was disturbed");
          await delay(5);
        }
      })();
      // A failed call fails the test when the body is done: it must not be lost meanwhile.
      calls.catch(() => undefined);
      try {
        return await body();
      } finally {
        over = true;
        await calls;
      }
    },
    async nothingLeft(...names) {
      for (const name of names) {
        const { status } = await client.delete(name);
        assert.ok(status === 204 || status === 404, `DeleteFunction ${name}: ${status}`);
      }
      // What a burst has had made ahead shrinks by and by.
      await until(
        () => tracesOf(server),
        (now) => same(now, before),
        60_000,
      ).catch((error) => {
        throw new Error(`left behind; before it was ${JSON.stringify(before)}`, { cause: error });
      });
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Slots are made in the background: the picture is taken when two looks see the same. */
async function settled(server: Server): Promise<Traces> {
  let last = tracesOf(server);
  for (let equal = 0; equal < 5; ) {
    await delay(50);
    const now = tracesOf(server);
    equal = same(now, last) ? equal + 1 : 0;
    last = now;
  }
  return last;
}

function same(a: Traces, b: Traces): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
